"""A stopwatch gives milliseconds: of each step, also of one that fails, and from its own beginning on."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.pipeline.record import failure_row
from shared.pipeline.stopwatch import Stopwatch
from shared.types import Call, Failure, ImageFacts, Source, Times


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


def test_steps_and_their_total_are_milliseconds() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    clock.s += 1
    with watch.step("read_ms"):
        clock.s += 0.25
    with watch.step("decode_ms"):
        clock.s += 2
    clock.s += 0.5
    assert watch.times() == Times(read_ms=250.0, decode_ms=2000.0, total_ms=3750.0)


def test_step_that_fails_is_timed_too() -> None:
    clock = Clock()
    watch = Stopwatch(clock)

    def fail() -> None:
        with watch.step("read_ms"):
            clock.s += 0.125
            raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        fail()
    assert watch.times().read_ms == 125.0


def test_stopwatch_takes_a_clock_that_never_goes_back() -> None:
    watch = Stopwatch()
    with watch.step("read_ms"):
        pass
    read_ms, total_ms = watch.times().read_ms, watch.times().total_ms
    assert read_ms is not None
    assert total_ms is not None
    assert 0 <= read_ms <= total_ms


def test_row_has_times_of_three_decimals() -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    image = ImageFacts(5, None, bucket="b", name="n", generation=1)
    times = Times(read_ms=1.00049, total_ms=12.34567)
    row = failure_row(Failure("f", now, "busy", "", image, None, Call(Source.EVENT, now), times), now)
    assert row["call"]["times"] == {
        "read_ms": 1.0,
        "decode_ms": None,
        "classify_ms": None,
        "archive_ms": None,
        "total_ms": 12.346,
    }
