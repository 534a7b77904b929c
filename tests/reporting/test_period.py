"""Periods are whole days in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from shared.reporting.period import Period

NEW_YEAR_IN_KYOTO = datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=9)))


def test_period_ends_on_the_day_of_now_in_utc() -> None:
    assert Period.of_days(1, NEW_YEAR_IN_KYOTO) == Period(date(2025, 12, 30), date(2025, 12, 31))
    assert Period.since(date(2025, 12, 31), NEW_YEAR_IN_KYOTO).days == (date(2025, 12, 31),)


def test_period_that_begins_in_the_future_is_refused() -> None:
    with pytest.raises(ValueError, match="The period ends on 2026-01-01, before it begins, on 2026-01-02"):
        Period.since(date(2026, 1, 2), datetime(2026, 1, 1, tzinfo=UTC))


def test_period_is_in_a_query_as_literals_by_which_partitions_are_pruned() -> None:
    sql = Period(date(2026, 1, 1), date(2026, 1, 2)).within("day BETWEEN FIRST AND LAST AND FIRSTS IS NULL")
    assert sql == "day BETWEEN DATE '2026-01-01' AND DATE '2026-01-02' AND FIRSTS IS NULL"
