"""Who is let in, who waits, and who is sent away."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from shared.errors import Busy
from shared.http.admission import Admission, admit_requests


def test_as_many_as_may_are_worked_on_at_once() -> None:
    admission = Admission(at_once=2, waiting=0)
    admission.enter()
    admission.enter()
    with pytest.raises(Busy, match="2 requests are worked on and 0 wait"):
        admission.enter()
    admission.leave()
    admission.enter()


def test_one_who_waits_gets_the_next_turn_and_one_too_many_is_sent_away_meanwhile() -> None:
    admission = Admission(at_once=1, waiting=1, patience_s=60)
    admission.enter()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(admission.enter)
        while not admission._queue:
            threading.Event().wait(0.01)
        with pytest.raises(Busy):
            admission.enter()
        admission.leave()
        waiting.result()


def test_turns_go_to_those_who_came_first_and_not_to_one_who_comes_again_at_once() -> None:
    admission, served = Admission(at_once=1, waiting=3, patience_s=60), []

    def take_a_turn(who: int) -> None:
        admission.enter()
        served.append(who)
        admission.leave()

    admission.enter()
    with ThreadPoolExecutor(4) as pool:
        for who in range(2):
            pool.submit(take_a_turn, who)
            while len(admission._queue) <= who:
                threading.Event().wait(0.01)
        admission.leave()
        take_a_turn(2)
    assert served == [0, 1, 2]


def test_nobody_waits_for_ever() -> None:
    admission = Admission(at_once=1, waiting=1, patience_s=0.05)
    admission.enter()
    for _ in range(2):
        with pytest.raises(Busy, match="not this request's turn"):
            admission.enter()


@pytest.fixture
def app() -> Flask:
    """An app of which one request may be worked on, in which one that fails fails."""
    app = Flask("test")
    app.add_url_rule("/", view_func=lambda: "done", endpoint="works")
    app.add_url_rule("/fails", view_func=lambda: str(1 / 0), endpoint="fails")
    app.add_url_rule("/v2/health/live", view_func=lambda: "live", endpoint="live")
    app.register_error_handler(Busy, lambda error: (str(error), error.http_status))
    app.register_error_handler(ZeroDivisionError, lambda _: ("broken", 500))
    return app


@pytest.mark.parametrize("path", ["/", "/fails", "/nowhere"])
def test_a_turn_ends_with_its_request_however_that_ends(app: Flask, path: str) -> None:
    admission = Admission(at_once=1, waiting=0)
    admit_requests(app, admission)
    for _ in range(3):
        assert app.test_client().get(path).status_code != 429
    admission.enter()


def test_probes_are_answered_while_everybody_else_is_sent_away(app: Flask) -> None:
    admission = Admission(at_once=1, waiting=0)
    admit_requests(app, admission)
    admission.enter()
    client = app.test_client()
    assert client.get("/").status_code == 429
    assert client.get("/v2/health/live").status_code == 200
    assert client.get("/").status_code == 429, "whoever was sent away has no turn to give back"


def test_a_turn_that_is_given_at_the_last_moment_is_taken() -> None:
    """Time is up and the turn is given at once: who waited has it, or nobody would ever give it back."""
    admission = Admission(at_once=1, waiting=1)
    admission.enter()
    turn = threading.Event()
    admission._queue.append(turn)
    admission.leave()
    admission._give_up(turn)
    with pytest.raises(Busy):
        Admission.enter(_without_patience(admission))
    admission.leave()
    admission.enter()


def test_turns_are_never_more_than_there_are_and_all_come_back() -> None:
    admission, together = Admission(at_once=3, waiting=20, patience_s=60), threading.Semaphore(3)

    def work(_: int) -> None:
        admission.enter()
        try:
            assert together.acquire(blocking=False), "a fourth is worked on"
            together.release()
        finally:
            admission.leave()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(200)))
    for _ in range(3):
        admission.enter()
    with pytest.raises(Busy):
        Admission.enter(_without_patience(admission))


def _without_patience(admission: Admission) -> Admission:
    admission._patience_s = 0
    return admission
