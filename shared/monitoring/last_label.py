"""How long ago a person labelled a picture, by BigQuery SQL."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from shared.ports import Warehouse

LOOK_BACK_DAYS = 120
"""Days that are read at most: an alert on labels waits for a month, so a third of a year is enough."""

LABELS = "SELECT MAX(labelled_at) AS labelled_at FROM labels WHERE labelled_on >= DATE '{first}'"
ROWS = "SELECT MIN(uploaded_on) AS uploaded_on FROM predictions WHERE uploaded_on >= DATE '{first}'"


def days_since_label(warehouse: Warehouse, now: datetime) -> float | None:
    """Return the days since the last label of a person, or since the first row if there is no label.

    Args:
        warehouse: where the labels are.
        now: aware.

    Returns:
        At least 0 and about ``LOOK_BACK_DAYS`` at most; None without labels and without rows, as there is nothing that
        could be labelled.

    Raises:
        WarehouseUnavailable: no answer within the deadline.
        BadRequest: the tables are not there, or have other columns.
    """
    first = now.astimezone(UTC).date() - timedelta(days=LOOK_BACK_DAYS)
    [label] = warehouse.query(LABELS.format(first=first)).rows
    if label["labelled_at"] is not None:
        return _days(now - label["labelled_at"])
    [row] = warehouse.query(ROWS.format(first=first)).rows  # reads a column of every row, so only where it must
    uploaded_on: date | None = row["uploaded_on"]
    return None if uploaded_on is None else _days(now - datetime.combine(uploaded_on, datetime.min.time(), UTC))


def _days(time: timedelta) -> float:
    return max(0.0, round(time / timedelta(days=1), 2))
