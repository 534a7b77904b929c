"""The labelled pictures of the audit sample, by BigQuery SQL.

Pictures that need review are labelled because they are hard, also those of the audit sample. If all their labels
counted and the rest of the sample waited, the accuracy would be that of hard pictures. So as large a share counts of
the one kind as of the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from shared.monitoring.audit_sample import audit_bound
from shared.monitoring.window import AuditedPictures, ModelVersion, no_audit
from shared.monitoring.window_rows import Period
from shared.ports import Warehouse

AUDIT_DAYS = 30
"""An audit reaches back so far at least. 1,000 uploads a day give 300 pictures, which show a fall of 4 points."""

SAMPLE = """
WITH sample AS (
  SELECT prediction_id, label, candidates, needs_review OR is_unfamiliar IS TRUE AS is_hard
  FROM latest_predictions
  WHERE PERIOD AND model.digest IN UNNEST(@digest) AND upload_id < @bound[OFFSET(0)]
),
judged AS (
  SELECT prediction_id, label
  FROM labels
  WHERE labelled_on >= DATE 'FIRST'
  QUALIFY ROW_NUMBER() OVER (PARTITION BY prediction_id ORDER BY labelled_at DESC, label_id) = 1
)
"""

COUNTS = """
SELECT sample.is_hard, COUNT(*) AS pictures, COUNT(judged.label) AS labelled
FROM sample
LEFT JOIN judged ON judged.prediction_id = sample.prediction_id
GROUP BY sample.is_hard
"""

LABELLED = """
SELECT sample.label AS predicted, judged.label AS truth, sample.candidates, sample.is_hard
FROM sample
JOIN judged ON judged.prediction_id = sample.prediction_id
ORDER BY sample.prediction_id
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """Pictures of the sample of one side: those that need review, or the others."""

    pictures: int = 0
    labelled: int = 0


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit sample of a period."""

    pictures: AuditedPictures
    """The labelled pictures that count: uniform over all uploads."""
    sample: int
    """Pictures of the sample, labelled or not."""
    labelled: int
    """Labelled pictures of the sample, whether they count or not."""
    bound: str
    """The ``upload_id`` below which an upload is of the sample."""
    since: datetime
    """When the first of its days begins; aware."""


def audit_period(since: datetime, until: datetime) -> Period:
    """Return the time of an audit, which reaches back ``AUDIT_DAYS`` at least: a shorter one has too few labels.

    Args:
        since: when what is audited begins; aware.
        until: when it ends; aware.
    """
    return Period(min(since, until - timedelta(days=AUDIT_DAYS)), until)


def audit_of(warehouse: Warehouse, period: Period, model: ModelVersion, labels: Sequence[str], share: float) -> Audit:
    """Return the audit sample of a model.

    Args:
        warehouse: where the rows are.
        period: in which the pictures were uploaded.
        model: the only one whose predictions are audited.
        labels: of the model, in the bundle's order.
        share: of all uploads that the sample is, above 0, at most 1.

    Raises:
        WarehouseUnavailable: no answer within the deadline.
        BadRequest: the tables and views are not there, or have other columns.
    """
    bound = audit_bound(share)
    parameters = {**period.parameters(), "digest": [model.digest], "bound": [bound]}
    rows = warehouse.query(_within(period, COUNTS), **parameters).rows
    counts = {bool(row["is_hard"]): Counts(row["pictures"], row["labelled"]) for row in rows}
    pictures, labelled = (sum(getattr(side, name) for side in counts.values()) for name in ("pictures", "labelled"))
    if not labelled:
        return Audit(no_audit(labels), pictures, 0, bound, period.since)
    labelled_rows = warehouse.query(_within(period, LABELLED), **parameters).rows
    kept: list[dict[str, Any]] = []
    for is_hard, side in counts.items():
        of_side = [row for row in labelled_rows if row["is_hard"] == is_hard]
        kept += of_side[: counted(side, counts.get(not is_hard, Counts()))]
    return Audit(_audited(kept, labels), pictures, labelled, bound, period.since)


def counted(side: Counts, other: Counts) -> int:
    """Return how many labelled pictures of a side count, so that both sides count in their own proportions.

    The other side may lack one label: else a single hard picture without a label would discard all others.
    """
    if not other.pictures:
        return side.labelled
    return min(side.labelled, round((other.labelled + 1) / other.pictures * side.pictures))


def _within(period: Period, sql: str) -> str:
    """Return a query of a period's sample; a label is given after the upload, so days before need not be read."""
    return period.within(SAMPLE + sql).replace("FIRST", period.first_day)


def _audited(rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> AuditedPictures:
    columns = {label: column for column, label in enumerate(labels)}
    scores = np.zeros((len(rows), len(labels)))
    for index, row in enumerate(rows):
        for candidate in row["candidates"]:
            scores[index, columns[candidate["label"]]] = candidate["score"]
    return AuditedPictures(
        tuple(labels), tuple(row["predicted"] for row in rows), tuple(row["truth"] for row in rows), scores
    )
