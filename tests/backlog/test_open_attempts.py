"""Attempts that several threads of a sweep add and remove are never lost."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from shared.backlog.open_attempts import Attempt, OpenAttempts
from shared.types import ObjectRef

THREADS, EACH = 8, 200


def attempt(number: int, began_s: float = 0.0) -> Attempt:
    ref = ObjectRef("uploads", f"{number}.jpg", number)
    return Attempt(ref, 1, ref, began_s)


@pytest.fixture
def switching() -> Iterator[None]:
    """Switch threads as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("switching")
def test_open_attempts_of_many_threads_are_all_recorded() -> None:
    open_attempts, start = OpenAttempts(), Barrier(THREADS)

    def work(thread: int) -> None:
        start.wait()
        for number in range(thread * EACH, (thread + 1) * EACH):
            open_attempts.add(attempt(number))
            open_attempts.to_withdraw(-1.0)
            if number % 2:
                open_attempts.withdraw(attempt(number))
            if number % 4 == 3:
                open_attempts.remove(attempt(number))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    left = {attempt.upload.generation for attempt in open_attempts.to_withdraw(-1.0)}
    assert left == {number for number in range(THREADS * EACH) if number % 4 != 3}


def test_open_attempt_that_hangs_keeps_its_marker_until_it_is_withdrawn() -> None:
    open_attempts, hanging, young = OpenAttempts(), attempt(1, began_s=10.0), attempt(2, began_s=20.0)
    open_attempts.add(hanging)
    open_attempts.add(young)
    assert open_attempts.to_withdraw(15.0) == [young]
    open_attempts.withdraw(hanging)
    assert open_attempts.to_withdraw(15.0) == [young, hanging]
