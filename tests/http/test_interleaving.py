"""Tests that values shared by threads are counted once for each, also when two threads meet at the worst moment."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from contextlib import suppress

import pytest

from shared.backlog.progress import SweepProgress
from shared.errors import Busy, OverRate
from shared.http.admission import Admission
from shared.http.metrics import RequestMetrics
from shared.pipeline.rate_limit import RateLimit
from shared.service import Service
from shared.settings import Platform, Settings
from shared.types import Source
from tests.interleaving import Interruption, WatchedLock


class Interrupted(defaultdict[object, int]):
    """A counter in which the other thread runs between reading a count and writing it."""

    def __init__(self, interrupt: Interruption) -> None:
        super().__init__(int)
        self._interrupt = interrupt

    def __getitem__(self, key: object) -> int:
        value = super().__getitem__(key)
        self._interrupt()
        return value


class InterruptedCounter(Counter[str]):
    """The same as a Counter."""

    interrupt: Interruption

    def __missing__(self, key: str) -> int:
        self.interrupt()
        return 0


def test_rate_limit_holds_for_two_requests_at_the_same_time() -> None:
    lock = WatchedLock()
    passed: list[int] = []

    def take() -> None:
        with suppress(OverRate):
            rate.take()
            passed.append(1)

    second = Interruption(lock, take)

    def now() -> float:
        second()  # the first has seen that there is room, and asks when it came
        return 1000.0

    rate = RateLimit(1, now)
    rate._lock = lock  # type: ignore[assignment]
    take()
    second.end()
    assert passed == [1]


def test_rate_limit_holds_for_two_requests_that_waited() -> None:
    lock, cancelled = WatchedLock(), threading.Event()
    passed: list[int] = []

    def wait() -> None:
        if rate.wait(cancelled):
            passed.append(1)
            cancelled.set()

    second = Interruption(lock, wait)

    def now() -> float:
        second()
        return 1000.0

    rate = RateLimit(1, now)
    rate._lock = lock  # type: ignore[assignment]
    wait()
    second.end()
    assert passed == [1]


def test_admission_gives_one_slot_to_one_of_two_requests() -> None:
    lock = WatchedLock()
    entered: list[int] = []

    def enter() -> None:
        with suppress(Busy):
            admission.enter()
            entered.append(1)

    second = Interruption(lock, enter)

    class Turns(Admission):
        @property
        def _working(self) -> int:
            value = self.__dict__.get("working", 0)
            second()
            return int(value)

        @_working.setter
        def _working(self, value: int) -> None:
            self.__dict__["working"] = value

    admission = Turns(at_once=1, waiting=0)
    admission._lock = lock  # type: ignore[assignment]
    enter()
    second.end()
    assert entered == [1]


def test_sweep_counts_both_of_two_outcomes_in_parallel() -> None:
    progress, lock, outcomes = SweepProgress(lambda _: None), WatchedLock(), InterruptedCounter()
    outcomes.interrupt = Interruption(lock, lambda: progress.count("predicted"))
    progress._lock, progress._outcomes = lock, outcomes  # type: ignore[assignment]
    progress.count("predicted")
    outcomes.interrupt.end()
    assert outcomes["predicted"] == 2


@pytest.mark.parametrize("what", ["_requests", "_images"])
def test_metrics_count_both_of_two_requests_in_parallel(what: str) -> None:
    metrics, lock = RequestMetrics(list), WatchedLock()
    acts = {
        "_requests": lambda: metrics.count_request("GET", "/", 200, 0.1),
        "_images": lambda: metrics.count_refused("Bucketlens", Busy("There is no room.")),
    }
    second = Interruption(lock, acts[what])
    counts = Interrupted(second)
    metrics._lock = lock  # type: ignore[assignment]
    setattr(metrics, what, counts)
    acts[what]()
    second.end()
    assert list(counts.values()) == [2]


def test_cold_start_is_reported_by_one_of_two_first_calls() -> None:
    required = {
        "GOOGLE_CLOUD_PROJECT": "p",
        "UPLOAD_BUCKET": "u-1",
        "ARCHIVE_BUCKET": "a-1",
        "QUARANTINE_BUCKET": "q-1",
    }
    lock, starts = WatchedLock(), []

    def call() -> None:
        starts.append(service.call(Source.REQUEST).is_cold_start)

    second = Interruption(lock, call)

    class Started(Service):
        @property
        def _has_served(self) -> bool:
            value = self.__dict__.get("has_served", False)
            if "_lock" in self.__dict__ and self.__dict__["_lock"] is lock:
                second()
            return bool(value)

        @_has_served.setter
        def _has_served(self, value: bool) -> None:
            self.__dict__["has_served"] = value

    service = Started(Settings.from_environment(required), Platform.from_environment({}))
    service._lock = lock  # type: ignore[assignment]
    call()
    second.end()
    assert sorted(starts) == [False, True]
