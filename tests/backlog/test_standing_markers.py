"""What several threads of a sweep note of their attempts is lost by none of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from shared.backlog.standing_markers import Attempt, StandingMarkers
from shared.types import ObjectRef

THREADS, EACH = 8, 200


def attempt(number: int, began_s: float = 0.0) -> Attempt:
    ref = ObjectRef("uploads", f"{number}.jpg", number)
    return Attempt(ref, 1, ref, began_s)


@pytest.fixture
def switching() -> Iterator[None]:
    """Threads take turns as often as the interpreter lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("switching")
def test_attempts_of_many_threads_are_all_noted_while_others_look() -> None:
    standing, start = StandingMarkers(), Barrier(THREADS)

    def work(thread: int) -> None:
        start.wait()
        for number in range(thread * EACH, (thread + 1) * EACH):
            standing.add(attempt(number))
            standing.to_give_back(-1.0)
            if number % 2:
                standing.give_back(attempt(number))
            if number % 4 == 3:
                standing.remove(attempt(number))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    left = {one.upload.generation for one in standing.to_give_back(-1.0)}
    assert left == {number for number in range(THREADS * EACH) if number % 4 != 3}


def test_attempt_that_hangs_keeps_its_marker_until_it_is_given_back() -> None:
    standing, hanging, young = StandingMarkers(), attempt(1, began_s=10.0), attempt(2, began_s=20.0)
    standing.add(hanging)
    standing.add(young)
    assert standing.to_give_back(15.0) == [young]
    standing.give_back(hanging)
    assert standing.to_give_back(15.0) == [young, hanging]
