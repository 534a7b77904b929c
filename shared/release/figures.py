"""What the warehouse says of champion and challenger, by BigQuery SQL over rows that are there anyway."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.ports import Warehouse

FIRST = """
SELECT MIN(recorded_at) AS began
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
"""A cold start is counted and not timed: a young challenger has more of them, whatever it is worth."""

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
"""What a person says of a picture holds for everybody who saw it, whoever was asked about."""

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
"""Pictures are the same where they rest under the same name in the archive, which their content gives them. Models of
another name answer another question, so versions of one model are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Figures of one side, over all of its revisions. Milliseconds are of calls that were no cold start."""

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
    """Images whose picture a person has labelled."""
    corrected: int = 0
    """Of those, where the person says something else."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What both sides said of the same pictures."""

    champion: str
    challenger: str
    pictures: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Champion and challenger."""

    champion: Side
    challenger: Side
    pairs: tuple[Pair, ...]
    """Over the pictures that both saw, most first."""
    is_shadow: bool = False

    @property
    def shared(self) -> int:
        """How many pictures both saw."""
        return sum(pair.pictures for pair in self.pairs)

    @property
    def agreed(self) -> int:
        """On how many of those they agree."""
        return sum(pair.pictures for pair in self.pairs if pair.champion == pair.challenger)


@dataclass(frozen=True, slots=True)
class Question:
    """Which revisions are to be compared, and over what time."""

    champion: tuple[str, ...]
    """Names of revisions, one a service."""
    challenger: tuple[str, ...]
    """Names of revisions, or of a shadow's runs."""
    days: int = 7
    """Only uploads of so many days, today among them."""
    since: datetime | None = None
    """Only rows from then on; None: since the challenger's first, so that both had the same traffic."""
    is_shadow: bool = False
    """A shadow works through what was there before it, so all of the champion's rows of those days count."""


def compare(warehouse: Warehouse, asked: Question) -> Comparison:
    """Ask the warehouse about revisions.

    Raises:
        WarehouseUnavailable: no answer within the deadline.
        BadRequest: the tables are not as they should be.
    """
    day = (datetime.now(UTC) - timedelta(days=asked.days - 1)).date().isoformat()
    sides = {"day": [day], "champion": asked.champion, "challenger": asked.challenger}
    since = _since(warehouse, asked, day)
    found: dict[str, dict[str, Any]] = {"champion": {}, "challenger": {}}
    for sql in (WORK, LABELS):
        for row in warehouse.query(sql, since=[since], **sides).rows:
            found[row.pop("side")] |= row
    pairs = tuple(Pair(**row) for row in warehouse.query(SHARED, **sides).rows)
    return Comparison(Side(**found["champion"]), Side(**found["challenger"]), pairs, asked.is_shadow)


def _since(warehouse: Warehouse, asked: Question, day: str) -> str:
    """Return from which time on rows count, RFC 3339."""
    began = asked.since
    if began is None and not asked.is_shadow:
        [first] = warehouse.query(FIRST, day=[day], challenger=asked.challenger).rows
        began = first["began"]
    return began.astimezone(UTC).isoformat() if began else f"{day}T00:00:00+00:00"
