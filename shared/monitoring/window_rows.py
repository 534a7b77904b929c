"""The rows of a window, by BigQuery SQL over the predictions of its days.

Shadows and probes are left out by the view ``latest_predictions``, generated pictures by the queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from shared.monitoring.reference import as_stored
from shared.monitoring.window import STATISTICS, Floats, ModelVersion, Pictures
from shared.ports import Warehouse

MOST_PICTURES = 2_000
"""Pictures that are compared. As many are in a profile at most, and the tests find little more with 20,000."""

PERIOD = """uploaded_on BETWEEN DATE '{first}' AND DATE '{last}'
  AND uploaded_at >= CAST(@since[OFFSET(0)] AS TIMESTAMP) AND uploaded_at < CAST(@until[OFFSET(0)] AS TIMESTAMP)
  AND image.generated_by IS NULL"""
"""The days are literals: BigQuery prunes partitions by constants, but not by an array in a parameter."""

MODELS = """
SELECT model.name AS name, model.version AS version, model.digest AS digest, COUNT(*) AS pictures
FROM latest_predictions
WHERE PERIOD
GROUP BY name, version, digest
ORDER BY pictures DESC, name, version, digest
"""

LATEST = """
SELECT MIN(uploaded_at) AS since
FROM (
  SELECT uploaded_at
  FROM latest_predictions
  WHERE PERIOD AND model.name IN UNNEST(@model) AND model.digest IN UNNEST(@digests)
  ORDER BY uploaded_at DESC
  LIMIT PICTURES
)
"""

SAMPLE = """
SELECT
  label, score, signals.brightness AS brightness, signals.contrast AS contrast, signals.sharpness AS sharpness,
  signals.saturation AS saturation, signals.colourfulness AS colourfulness, signals.aspect AS aspect,
  signals.novelty AS novelty, signals.embedding AS embedding
FROM latest_predictions
WHERE PERIOD AND model.name IN UNNEST(@model) AND model.digest IN UNNEST(@digests)
ORDER BY prediction_id
LIMIT PICTURES
"""
"""A prediction_id is a sha256, so the first ones are a uniform sample, and the same one whenever it is drawn."""


@dataclass(frozen=True, slots=True)
class Period:
    """A time, from which rows are read.

    Raises:
        ValueError: one of its ends has no time zone.
    """

    since: datetime
    """Aware; included."""
    until: datetime
    """Aware; not included."""

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.until.tzinfo is None:
            raise ValueError("A period's times need a time zone.")

    @property
    def first_day(self) -> str:
        """The day of its begin, UTC."""
        return self.since.astimezone(UTC).date().isoformat()

    def parameters(self) -> dict[str, list[str]]:
        """Return the parameters of ``PERIOD``."""
        return {"since": [_in_utc(self.since)], "until": [_in_utc(self.until)]}

    def within(self, sql: str) -> str:
        """Return a query of which ``PERIOD`` is this period."""
        last_day = self.until.astimezone(UTC).date().isoformat()
        return sql.replace("PERIOD", PERIOD.format(first=self.first_day, last=last_day))


def models_of(warehouse: Warehouse, period: Period) -> tuple[tuple[ModelVersion, int], ...]:
    """Return the models that gave labels in a period, each with its number of rows, the most frequent first.

    Raises:
        WarehouseUnavailable: no answer within the deadline.
        BadRequest: the tables and views are not there, or have other columns.
    """
    rows = warehouse.query(period.within(MODELS), **period.parameters()).rows
    return tuple((ModelVersion(row["name"], row["version"], row["digest"]), row["pictures"]) for row in rows)


def since_of_latest(warehouse: Warehouse, period: Period, models: Sequence[ModelVersion], pictures: int) -> datetime:
    """Return when the first of the latest pictures of a period was uploaded; the period's begin where it has none.

    Args:
        warehouse: where the rows are.
        period: in which pictures count.
        models: versions of one model.
        pictures: how many of the latest; at least 1.

    Raises:
        WarehouseUnavailable, BadRequest: as in ``models_of``.
    """
    sql = period.within(LATEST).replace("PICTURES", str(int(pictures)))
    [row] = warehouse.query(sql, **period.parameters(), **_ids_of(models)).rows
    since: datetime = row["since"] or period.since
    return since


def pictures_of(
    warehouse: Warehouse, period: Period, models: Sequence[ModelVersion], pictures: int = MOST_PICTURES
) -> Pictures:
    """Return the pictures of a period, or a uniform sample of them, which is the same one in each call.

    Args:
        warehouse: where the rows are.
        period: in which they were uploaded.
        models: versions of one model.
        pictures: how many at most.

    Raises:
        WarehouseUnavailable, BadRequest: as in ``models_of``.
    """
    sql = period.within(SAMPLE).replace("PICTURES", str(int(pictures)))
    rows = warehouse.query(sql, **period.parameters(), **_ids_of(models)).rows if models else []
    return pictures_from(rows)


def pictures_from(rows: Sequence[Mapping[str, Any]]) -> Pictures:
    """Return pictures from rows of ``SAMPLE``. What a row lacks is NaN."""
    statistics = [[_number(row[name]) for name in STATISTICS] for row in rows]
    return Pictures(
        labels=tuple(row["label"] for row in rows),
        scores=np.array([row["score"] for row in rows], np.float64),
        statistics=as_stored(statistics).reshape(-1, len(STATISTICS)),
        novelty=as_stored([_number(row["novelty"]) for row in rows]),
        embeddings=_embeddings([row["embedding"] or () for row in rows]),
    )


def _embeddings(rows: Sequence[Sequence[float]]) -> Floats:
    """Return embeddings as an array, with NaN for rows that have none."""
    dimensions = max(map(len, rows), default=0)
    embeddings = np.full((len(rows), dimensions), np.nan)
    for index, row in enumerate(rows):
        if len(row) == dimensions:
            embeddings[index] = row
    return embeddings


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _ids_of(models: Sequence[ModelVersion]) -> dict[str, list[str]]:
    return {"model": sorted({model.name for model in models}), "digests": sorted({model.digest for model in models})}
