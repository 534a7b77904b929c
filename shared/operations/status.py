"""The figures of production's dashboard, from SQL over the rows of a deployment."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from shared.ports import ObjectStore, Warehouse

STEPS = ("read", "decode", "classify", "archive", "total")

OUTCOMES = """
SELECT outcome, reason, COUNT(*) AS calls
FROM calls
WHERE recorded_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR)
GROUP BY outcome, reason
ORDER BY calls DESC
"""

MILLISECONDS = "SELECT " + ", ".join(
    f"APPROX_QUANTILES({step}_ms, 100)[OFFSET({percent})] AS {step}_{percent}" for step in STEPS for percent in (50, 95)
)
MILLISECONDS += " FROM calls WHERE recorded_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR)"


@dataclass(frozen=True, slots=True)
class Watched:
    """The figures of the last hour, and the uploads that wait now."""

    outcomes: dict[str, int]
    """Rows by outcome: ``predicted`` and ``rejected``."""
    failures: dict[str, int]
    """Rejected uploads by reason."""
    milliseconds: dict[str, tuple[float | None, float | None]]
    """By step: median and 95th percentile; None where no call had it."""
    waiting: int
    """Uploads in the bucket."""
    oldest_upload_s: float
    """The age of the oldest upload in the bucket, 0 if there is none."""

    @property
    def quarantine_rate(self) -> float:
        """Share of rows that are failures, 0 to 1."""
        return self.outcomes.get("rejected", 0) / max(1, sum(self.outcomes.values()))

    def as_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        return {**asdict(self), "quarantine_rate": round(self.quarantine_rate, 4)}


def watch(warehouse: Warehouse, store: ObjectStore, bucket: str) -> Watched:
    """Query the figures.

    Raises:
        StorageUnavailable: the bucket cannot be listed.
        WarehouseUnavailable: the rows cannot be queried.
    """
    rows = warehouse.query(OUTCOMES).rows
    outcomes: dict[str, int] = {}
    for row in rows:
        outcomes[row["outcome"]] = outcomes.get(row["outcome"], 0) + row["calls"]
    failures = {row["reason"]: row["calls"] for row in rows if row["reason"]}
    [times] = warehouse.query(MILLISECONDS).rows
    milliseconds = {step: (times[f"{step}_50"], times[f"{step}_95"]) for step in STEPS}
    now = datetime.now(UTC)
    ages = [(now - upload.ref.created_at).total_seconds() for upload in store.uploads(bucket)]
    return Watched(outcomes, failures, milliseconds, len(ages), round(max([0.0, *ages]), 1))
