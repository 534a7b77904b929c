"""Whether the weekly report is due, by the events of earlier ones."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.ports import Warehouse

EVERY = timedelta(days=7)

SLACK = timedelta(hours=1)
"""A run starts some minutes earlier or later than the one of last week; without slack, reports would move by a run."""

LAST = """
SELECT MAX(happened_at) AS written_at
FROM model_history
WHERE event = 'report' AND JSON_VALUE(evidence, '$.kind') = 'periodic'
"""


def is_report_due(warehouse: Warehouse, now: datetime) -> bool:
    """Return whether no periodic report was written in the last week, so that a week that was missed is made up for.

    Raises:
        WarehouseUnavailable: no answer within the deadline.
        BadRequest: the views are not there, or have other columns.
    """
    [row] = warehouse.query(LAST).rows
    written_at: datetime | None = row["written_at"]
    return written_at is None or now - written_at >= EVERY - SLACK
