"""Deadlines: the call happens after the time, and never if the block ended before."""

from __future__ import annotations

import threading
import time

from shared.http.deadlines import Deadlines


def test_deadline_calls_when_the_block_takes_longer() -> None:
    rang = threading.Event()
    with Deadlines().call_after(0.01, rang.set):
        assert rang.wait(10)


def test_deadline_is_cancelled_when_its_block_ends() -> None:
    deadlines = Deadlines()
    with deadlines.call_after(60, lambda: None):
        assert not deadlines._scheduler.empty()
    assert deadlines._scheduler.empty(), "a call is still scheduled"


def test_deadline_that_is_earlier_is_called_before_one_set_first() -> None:
    deadlines, rung, both = Deadlines(), [], threading.Event()

    def ring(which: str) -> None:
        rung.append(which)
        if len(rung) == 2:
            both.set()

    with deadlines.call_after(0.4, lambda: ring("later")), deadlines.call_after(0.05, lambda: ring("earlier")):
        assert both.wait(10)
    assert rung == ["earlier", "later"]


def test_deadline_is_called_after_many_cancelled_ones() -> None:
    deadlines = Deadlines()
    for _ in range(1000):
        with deadlines.call_after(60, lambda: None):
            pass
    rang = threading.Event()
    with deadlines.call_after(0.01, rang.set):
        assert rang.wait(10)


def test_deadlines_of_many_threads_share_one_thread() -> None:
    deadlines, before = Deadlines(), threading.active_count()
    rang = [threading.Event() for _ in range(20)]

    def wait(event: threading.Event) -> None:
        with deadlines.call_after(0.2, event.set):
            assert event.wait(10)

    waiting = [threading.Thread(target=wait, args=(event,)) for event in rang]
    for thread in waiting:
        thread.start()
    time.sleep(0.05)
    assert threading.active_count() <= before + len(waiting) + 1
    for thread in waiting:
        thread.join()
    assert all(event.is_set() for event in rang)
