"""Metrics of champion and challenger, by BigQuery SQL over the rows of their predictions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.ports import Warehouse

FIRST = """
SELECT MIN(recorded_at) AS started_at
FROM calls
WHERE uploaded_on >= CAST(@day[OFFSET(0)] AS DATE) AND revision IN UNNEST(@challenger)
"""

WORK = """
SELECT
  IF(revision IN UNNEST(@challenger), 'challenger', 'champion') AS side,
  COUNT(DISTINCT row_id) AS images,
  COUNT(DISTINCT IF(outcome = 'rejected', row_id, NULL)) AS rejected,
  COUNTIF(is_cold_start) AS cold_starts,
  APPROX_QUANTILES(IF(is_cold_start, NULL, total_ms), 100)[SAFE_OFFSET(50)] AS p50_ms,
  APPROX_QUANTILES(IF(is_cold_start, NULL, total_ms), 100)[SAFE_OFFSET(95)] AS p95_ms,
  APPROX_QUANTILES(IF(is_cold_start, NULL, total_ms), 100)[SAFE_OFFSET(99)] AS p99_ms
FROM calls
WHERE uploaded_on >= CAST(@day[OFFSET(0)] AS DATE)
  AND recorded_at >= CAST(@since[OFFSET(0)] AS TIMESTAMP)
  AND (revision IN UNNEST(@challenger) OR revision IN UNNEST(@champion))
GROUP BY side
"""
"""A cold start is counted and not timed: a new challenger has more of them, however good it is."""

LABELS = """
WITH seen AS (
  SELECT
    IF(call.revision IN UNNEST(@challenger), 'challenger', 'champion') AS side,
    image.archive_uri AS picture, model.name AS model, label, score
  FROM predictions
  WHERE uploaded_on >= CAST(@day[OFFSET(0)] AS DATE)
    AND recorded_at >= CAST(@since[OFFSET(0)] AS TIMESTAMP)
    AND (call.revision IN UNNEST(@challenger) OR call.revision IN UNNEST(@champion))
  QUALIFY ROW_NUMBER() OVER (PARTITION BY uploaded_on, upload_id, call.revision ORDER BY recorded_at DESC) = 1
),
truth AS (
  SELECT predictions.image.archive_uri AS picture, predictions.model.name AS model, labels.label
  FROM labels
  JOIN predictions ON predictions.prediction_id = labels.prediction_id
  WHERE predictions.uploaded_on >= CAST(@day[OFFSET(0)] AS DATE)
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY predictions.image.archive_uri, predictions.model.name ORDER BY labels.labelled_at DESC
  ) = 1
)
SELECT
  seen.side,
  COUNT(*) AS scored,
  AVG(seen.score) AS mean_score,
  STDDEV_SAMP(seen.score) AS deviation,
  COUNTIF(truth.label IS NOT NULL) AS judged,
  COUNTIF(truth.label != seen.label) AS corrected
FROM seen
LEFT JOIN truth ON truth.picture = seen.picture AND truth.model = seen.model
GROUP BY seen.side
"""
"""A person's label of a picture is the truth for both sides, whichever side's prediction the person labelled."""

SHARED = """
WITH seen AS (
  SELECT
    IF(call.revision IN UNNEST(@challenger), 'challenger', 'champion') AS side,
    image.archive_uri AS picture, model.name AS model, label, recorded_at
  FROM predictions
  WHERE uploaded_on >= CAST(@day[OFFSET(0)] AS DATE)
    AND (call.revision IN UNNEST(@challenger) OR call.revision IN UNNEST(@champion))
),
latest AS (
  SELECT side, picture, model, label
  FROM seen
  QUALIFY ROW_NUMBER() OVER (PARTITION BY side, picture, model ORDER BY recorded_at DESC) = 1
)
SELECT champion.label AS champion, challenger.label AS challenger, COUNT(*) AS pictures
FROM latest AS champion
JOIN latest AS challenger ON challenger.picture = champion.picture AND challenger.model = champion.model
WHERE champion.side = 'champion' AND challenger.side = 'challenger'
GROUP BY champion.label, challenger.label
ORDER BY pictures DESC, champion, challenger
"""
"""Pictures are the same if they have the same name in the archive, which is made of their content. Models of another
name answer another question, so only versions of one model are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Metrics of one side, over all of its revisions. Milliseconds are those of calls without a cold start."""

    images: int = 0
    rejected: int = 0
    cold_starts: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    scored: int = 0
    mean_score: float | None = None
    deviation: float | None = None
    judged: int = 0
    """Number of images whose picture a person has labelled."""
    corrected: int = 0
    """Number of these for which the person's label differs."""


@dataclass(frozen=True, slots=True)
class LabelPair:
    """Number of pictures that got one pair of labels from the two sides."""

    champion: str
    challenger: str
    pictures: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Champion and challenger."""

    champion: Side
    challenger: Side
    pairs: tuple[LabelPair, ...]
    """Labels of the pictures that both sides saw, most frequent first."""
    is_shadow: bool = False

    @property
    def shared(self) -> int:
        """Number of pictures that both sides saw."""
        return sum(pair.pictures for pair in self.pairs)

    @property
    def agreed(self) -> int:
        """Number of these to which both sides gave the same label."""
        return sum(pair.pictures for pair in self.pairs if pair.champion == pair.challenger)


@dataclass(frozen=True, slots=True)
class ComparisonQuery:
    """The revisions to compare, and the time."""

    champion: tuple[str, ...]
    """Names of revisions, one for each service."""
    challenger: tuple[str, ...]
    """Names of revisions, or of a shadow's runs."""
    days: int = 7
    """Uploads of this many days are compared, today included."""
    since: datetime | None = None
    """Rows from this time are compared; None: from the challenger's first row, so that both had the same traffic."""
    is_shadow: bool = False
    """A shadow classifies pictures from before it, so all of the champion's rows of those days count."""


def compare(warehouse: Warehouse, query: ComparisonQuery, today: date | None = None) -> Comparison:
    """Query the warehouse for the metrics of both sides.

    Args:
        warehouse: where the rows are.
        query: what to compare.
        today: the last of the days that are compared, in UTC; None for the day on which this is called.

    Raises:
        WarehouseUnavailable: no response within the deadline.
        BadRequest: the tables do not have the expected schema.
    """
    day = ((today or datetime.now(UTC).date()) - timedelta(days=query.days - 1)).isoformat()
    parameters = {"day": [day], "champion": query.champion, "challenger": query.challenger}
    since = _since(warehouse, query, day)
    sides: dict[str, dict[str, Any]] = {"champion": {}, "challenger": {}}
    for sql in (WORK, LABELS):
        for row in warehouse.query(sql, since=[since], **parameters).rows:
            sides[row.pop("side")] |= row
    pairs = tuple(LabelPair(**row) for row in warehouse.query(SHARED, **parameters).rows)
    return Comparison(Side(**sides["champion"]), Side(**sides["challenger"]), pairs, query.is_shadow)


def _since(warehouse: Warehouse, query: ComparisonQuery, day: str) -> str:
    """Return the time from which rows count, RFC 3339."""
    started_at = query.since
    if started_at is None and not query.is_shadow:
        [first] = warehouse.query(FIRST, day=[day], challenger=query.challenger).rows
        started_at = first["started_at"]
    return started_at.astimezone(UTC).isoformat() if started_at else f"{day}T00:00:00+00:00"
