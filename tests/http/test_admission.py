"""Admission: which requests run, which queue, and which get 429."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from shared.errors import Busy
from shared.http.admission import Admission, admit_requests


def test_admission_runs_as_many_requests_as_it_has_slots() -> None:
    admission = Admission(at_once=2, waiting=0)
    admission.enter()
    admission.enter()
    with pytest.raises(Busy, match="2 requests are running and 0 are queued"):
        admission.enter()
    admission.leave()
    admission.enter()


def test_admission_gives_the_next_slot_to_the_queue_and_refuses_beyond_it() -> None:
    admission = Admission(at_once=1, waiting=1, timeout_s=60)
    admission.enter()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(admission.enter)
        while not admission._queue:
            threading.Event().wait(0.01)
        with pytest.raises(Busy):
            admission.enter()
        admission.leave()
        waiting.result()


def test_admission_queue_is_first_in_first_out() -> None:
    admission, served = Admission(at_once=1, waiting=3, timeout_s=60), []

    def take_a_slot(number: int) -> None:
        admission.enter()
        served.append(number)
        admission.leave()

    admission.enter()
    with ThreadPoolExecutor(4) as pool:
        for number in range(2):
            pool.submit(take_a_slot, number)
            while len(admission._queue) <= number:
                threading.Event().wait(0.01)
        admission.leave()
        take_a_slot(2)
    assert served == [0, 1, 2]


def test_admission_refuses_a_request_that_has_queued_too_long() -> None:
    admission = Admission(at_once=1, waiting=1, timeout_s=0.05)
    admission.enter()
    for _ in range(2):
        with pytest.raises(Busy, match="waited 0 s for a free slot"):
            admission.enter()


@pytest.fixture
def app() -> Flask:
    """An app with a route that works, a route that fails, and a probe."""
    app = Flask("test")
    app.add_url_rule("/", view_func=lambda: "done", endpoint="works")
    app.add_url_rule("/fails", view_func=lambda: str(1 / 0), endpoint="fails")
    app.add_url_rule("/v2/health/live", view_func=lambda: "live", endpoint="live")
    app.register_error_handler(Busy, lambda error: (str(error), error.http_status))
    app.register_error_handler(ZeroDivisionError, lambda _: ("broken", 500))
    return app


@pytest.mark.parametrize("path", ["/", "/fails", "/nowhere"])
def test_admission_frees_the_slot_however_the_request_ends(app: Flask, path: str) -> None:
    admission = Admission(at_once=1, waiting=0)
    admit_requests(app, admission)
    for _ in range(3):
        assert app.test_client().get(path).status_code != 429
    admission.enter()


def test_admission_answers_probes_while_it_refuses_all_else(app: Flask) -> None:
    admission = Admission(at_once=1, waiting=0)
    admit_requests(app, admission)
    admission.enter()
    client = app.test_client()
    assert client.get("/").status_code == 429
    assert client.get("/v2/health/live").status_code == 200
    assert client.get("/").status_code == 429, "a refused request has no slot to release"


def test_admission_keeps_a_slot_that_arrives_as_the_wait_ends() -> None:
    """The wait ends and the slot arrives in the same moment: the request must have it, or it is never released."""
    admission = Admission(at_once=1, waiting=1)
    admission.enter()
    slot = threading.Event()
    admission._queue.append(slot)
    admission.leave()
    admission._give_up(slot)
    with pytest.raises(Busy):
        Admission.enter(_without_waiting(admission))
    admission.leave()
    admission.enter()


def test_admission_never_exceeds_its_slots_and_gets_all_back() -> None:
    admission, together = Admission(at_once=3, waiting=20, timeout_s=60), threading.Semaphore(3)

    def work(_: int) -> None:
        admission.enter()
        try:
            assert together.acquire(blocking=False), "a fourth request runs"
            together.release()
        finally:
            admission.leave()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(200)))
    for _ in range(3):
        admission.enter()
    with pytest.raises(Busy):
        Admission.enter(_without_waiting(admission))


def _without_waiting(admission: Admission) -> Admission:
    admission._timeout_s = 0
    return admission
