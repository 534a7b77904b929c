"""The rate limit: it holds for any 60 seconds, not for a minute of the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from shared.errors import OverRate
from shared.pipeline.rate_limit import RateLimit
from tests.backlog.parts import sweep_of
from tests.worlds import World

pytestmark = pytest.mark.in_memory_too

Picture = Callable[..., bytes]


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


def test_rate_limit_refuses_the_image_above_it_and_names_the_wait() -> None:
    clock = Clock()
    rate = RateLimit(2, clock)
    rate.take()
    clock.s += 20
    rate.take()
    clock.s += 10
    with pytest.raises(
        OverRate, match="2 images were taken in the last minute, all that MAX_IMAGES_PER_MINUTE"
    ) as refused:
        rate.take()
    assert refused.value.retry_after_s == 30


def test_rate_limit_has_room_a_minute_after_the_oldest_image() -> None:
    clock = Clock()
    rate = RateLimit(1, clock)
    for _ in range(3):
        rate.take()
        for _ in range(5):
            with pytest.raises(OverRate):
                rate.take()
        clock.s += 60


def test_rate_limit_holds_for_bursts_around_the_end_of_a_minute() -> None:
    clock = Clock()
    rate = RateLimit(3, clock)
    clock.s += 59
    for _ in range(3):
        rate.take()
    clock.s += 2
    with pytest.raises(OverRate):
        rate.take()


def test_rate_limit_holds_for_all_threads_together() -> None:
    rate = RateLimit(100, Clock())
    passed: list[int] = []

    def take_many() -> None:
        for _ in range(50):
            try:
                rate.take()
            except OverRate:
                continue
            passed.append(1)

    threads = [threading.Thread(target=take_many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 100


class Cancelled(threading.Event):
    """An event that is set as soon as a wait begins, and keeps the timeouts of the waits."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_s: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited_s.append(timeout)
        self.set()
        return True


def test_rate_limit_wait_returns_false_when_cancelled() -> None:
    rate, cancelled = RateLimit(1, Clock()), Cancelled()
    assert rate.wait(cancelled) is True
    assert cancelled.waited_s == []
    assert rate.wait(cancelled) is False
    assert cancelled.waited_s == [60]


def test_sweep_waits_for_the_rate_limit_until_it_is_stopped(world: World, picture: Picture, tmp_path: Path) -> None:
    for seed in range(3):
        world.put(f"{seed}.jpg", picture(seed), tmp_path)
    uploads = [world.store.find(world.uploads, f"{seed}.jpg") for seed in range(3)]
    slow = replace(world, pipeline=replace(world.pipeline, rate=RateLimit(2, Clock())))
    outcomes: list[str] = []

    def stop_after_two(outcome: str) -> None:
        outcomes.append(outcome)
        if len(outcomes) == 2:
            sweep.stop()

    sweep = sweep_of(slow, on_outcome=stop_after_two)
    summary = sweep.run(uploads)
    assert (summary.outcomes["predicted"], summary.is_cut_short) == (2, True)
    assert world.names_in(world.uploads) == ["2.jpg"]


@pytest.mark.parametrize("left_s", [0.25, 1.0, 60.0])
def test_wait_lasts_until_the_oldest_image_has_left_the_window(left_s: float) -> None:
    now, waited = 0.0, []

    class Cancelled(threading.Event):
        """Moves the clock in place of waiting."""

        def wait(self, timeout: float | None = None) -> bool:
            nonlocal now
            assert timeout is not None
            waited.append(timeout)
            now += timeout
            return False

    rate = RateLimit(1, lambda: now)
    rate.take()
    now = 60.0 - left_s
    assert rate.wait(Cancelled())
    assert waited == [left_s]
    assert now == 60.0
