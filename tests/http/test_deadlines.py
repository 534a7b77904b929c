"""Alarms: rung once, after their time, and never once what they wait for is done."""

from __future__ import annotations

import threading
import time

from shared.http.deadlines import Alarms


def test_an_alarm_rings_where_the_block_takes_longer() -> None:
    rang = threading.Event()
    with Alarms().unless_done_in(0.01, rang.set):
        assert rang.wait(10)


def test_an_alarm_never_rings_once_its_block_is_done() -> None:
    alarms = Alarms()
    with alarms.unless_done_in(60, lambda: None):
        assert not alarms._scheduler.empty()
    assert alarms._scheduler.empty(), "there is nothing left that could ring"


def test_an_earlier_alarm_rings_before_one_that_was_set_first() -> None:
    alarms, rung, both = Alarms(), [], threading.Event()

    def ring(which: str) -> None:
        rung.append(which)
        if len(rung) == 2:
            both.set()

    with alarms.unless_done_in(0.4, lambda: ring("later")), alarms.unless_done_in(0.05, lambda: ring("earlier")):
        assert both.wait(10)
    assert rung == ["earlier", "later"]


def test_an_alarm_rings_also_where_many_were_set_and_taken_back_before() -> None:
    alarms = Alarms()
    for _ in range(1000):
        with alarms.unless_done_in(60, lambda: None):
            pass
    rang = threading.Event()
    with alarms.unless_done_in(0.01, rang.set):
        assert rang.wait(10)


def test_alarms_of_many_threads_share_one_thread() -> None:
    alarms, before = Alarms(), threading.active_count()
    rang = [threading.Event() for _ in range(20)]

    def wait(event: threading.Event) -> None:
        with alarms.unless_done_in(0.2, event.set):
            assert event.wait(10)

    waiting = [threading.Thread(target=wait, args=(event,)) for event in rang]
    for thread in waiting:
        thread.start()
    time.sleep(0.05)
    assert threading.active_count() <= before + len(waiting) + 1
    for thread in waiting:
        thread.join()
    assert all(event.is_set() for event in rang)
