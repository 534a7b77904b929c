"""The rate breaker: a limit for any 60 seconds, whatever the clock's minute."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from shared.errors import OverRate
from shared.rate import RateBreaker
from tests.conftest import World
from tests.sweep_parts import sweep_of

Picture = Callable[..., bytes]


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


def test_the_image_above_the_limit_is_refused_and_told_when_there_is_room() -> None:
    clock = Clock()
    rate = RateBreaker(2, clock)
    rate.take()
    clock.s += 20
    rate.take()
    clock.s += 10
    with pytest.raises(
        OverRate, match="2 images were taken in the last minute, all that MAX_IMAGES_PER_MINUTE"
    ) as told:
        rate.take()
    assert told.value.retry_after_s == 30


def test_there_is_room_again_a_minute_after_the_oldest_and_refusals_do_not_count() -> None:
    clock = Clock()
    rate = RateBreaker(1, clock)
    for _ in range(3):
        rate.take()
        for _ in range(5):
            with pytest.raises(OverRate):
                rate.take()
        clock.s += 60


def test_two_bursts_around_the_end_of_a_minute_do_not_pass_twice_as_many() -> None:
    clock = Clock()
    rate = RateBreaker(3, clock)
    clock.s += 59
    for _ in range(3):
        rate.take()
    clock.s += 2
    with pytest.raises(OverRate):
        rate.take()


def test_threads_together_are_let_through_as_often_as_one_would_be() -> None:
    rate = RateBreaker(100, Clock())
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


def test_who_waits_is_let_through_at_once_where_there_is_room_and_ends_where_nobody_wants_it_any_more() -> None:
    rate, cancelled = RateBreaker(1, Clock()), threading.Event()
    assert rate.wait(cancelled) is True
    threading.Timer(0.1, cancelled.set).start()
    assert rate.wait(cancelled) is False


def test_a_sweep_waits_for_room_and_stops_when_it_is_asked_to(world: World, picture: Picture, tmp_path: Path) -> None:
    for seed in range(3):
        world.put(f"{seed}.jpg", picture(seed), tmp_path)
    uploads = [world.store.find(world.uploads, f"{seed}.jpg") for seed in range(3)]
    slow = replace(world, pipeline=replace(world.pipeline, rate=RateBreaker(2)))
    sweep = sweep_of(slow)
    threading.Timer(2.0, sweep.stop).start()
    summary = sweep.run(uploads)
    assert (summary.outcomes["predicted"], summary.is_cut_short) == (2, True)
    assert world.names_in(world.uploads) == ["2.jpg"]
