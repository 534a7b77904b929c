"""Tests that a duration is a whole number and a unit."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.parsing.duration import duration


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("4w", timedelta(weeks=4)),
        ("3660d", timedelta(days=3660)),
    ],
)
def test_duration_is_a_number_and_its_unit(value: str, expected: timedelta) -> None:
    assert duration(value) == expected


@pytest.mark.parametrize(
    "value", ["", "7", "d", "0d", "-7d", "7 d", "7D", "1.5h", "3661d", "999999w", "٣d", "7d\n", "1h30m"]
)
def test_duration_of_another_form_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="as in 7d"):
        duration(value)
