"""The door: a function that has enough to do sends others away, and probes are never among them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from flask import Request
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder

from shared.http import app as http_app
from shared.http.admission import Admission, is_always_admitted
from shared.http.router import PROTOCOLS
from tests.http.conftest import MakeClient, b64

PATIENCE_S = 60.0


class Withheld(BytesIO):
    """A body that begins to come when it is let."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.is_asked_for, self.is_let = threading.Event(), threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        self._wait()
        return super().read(size)

    def readinto(self, buffer: Any) -> int:
        self._wait()
        return super().readinto(buffer)

    def _wait(self) -> None:
        self.is_asked_for.set()
        self.is_let.wait(PATIENCE_S)


@contextmanager
def at_work(client: FlaskClient) -> Iterator[None]:
    """Have the function work on a request for the length of the block."""
    body = Withheld(b"no image")
    environ = EnvironBuilder("/v1/classify", method="POST", input_stream=body).get_environ()
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(client.application.test_client().open, environ)
        assert body.is_asked_for.wait(PATIENCE_S)
        try:
            yield
        finally:
            body.is_let.set()
            working.result(PATIENCE_S)


def test_a_function_at_work_sends_others_away_and_takes_them_afterwards(memory_client: MakeClient) -> None:
    client = memory_client(THREADS="1")
    paths = ("/v1/classify", "/v2/models/flowers/infer", "/v1/models", "/nowhere")
    with at_work(client):
        for path in paths:
            answer = client.post(path, data=b"x")
            assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1"), path
        for probe in ("/v2/health/live", "/v2/health/ready", "/metrics"):
            assert client.get(probe).status_code == 200, probe
    for path in paths:
        assert client.post(path, data=b"x").status_code != 429, path


def test_as_many_requests_as_threads_are_worked_on_and_as_many_more_wait(
    memory_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    doors = []

    def patient(at_once: int, waiting: int) -> Admission:
        doors.append(Admission(at_once, waiting, PATIENCE_S))
        return doors[0]

    monkeypatch.setattr(http_app, "Admission", patient)
    client = memory_client(THREADS="2")
    with at_work(client), ThreadPoolExecutor(2) as pool:
        assert client.get("/v1/models").status_code == 200, "the second of two"
        with at_work(client):
            waiting = [pool.submit(client.application.test_client().get, "/v1/models") for _ in range(2)]
            while len(doors[0]._queue) < 2 and not any(one.done() for one in waiting):
                threading.Event().wait(0.01)
            assert client.get("/v1/models").status_code == 429, "two are worked on and two wait"
        assert [one.result(PATIENCE_S).status_code for one in waiting] == [200, 200]


def test_only_who_asks_how_it_is_passes_the_door_without_a_turn() -> None:
    parts = dict.fromkeys(("model", "version", "label", "id", "project", "location", "endpoint"), "x")
    routes = [(route.method, route.path.format(**parts)) for protocol in PROTOCOLS for route in protocol.routes]
    free = {(method, path) for method, path in routes if is_always_admitted(_request(path, method=method))}
    assert free == {("GET", "/v2/health/live"), ("GET", "/v2/health/ready"), ("GET", "/metrics")}


@pytest.mark.parametrize("path", ["/metrics", "/v2/health/live", "/v2/health/ready"])
def test_a_body_or_another_method_or_a_path_below_makes_a_probe_a_request_like_any_other(path: str) -> None:
    assert is_always_admitted(_request(path, method="HEAD"))
    assert not is_always_admitted(_request(path, method="POST"))
    assert not is_always_admitted(_request(path, method="GET", data=b"x"))
    assert not is_always_admitted(_request(path, method="GET", headers={"Transfer-Encoding": "chunked"}))
    assert not is_always_admitted(_request(f"{path}/x", method="GET"))
    assert not is_always_admitted(_request(f"{path}x", method="GET"))


def test_images_over_the_rate_are_refused_by_every_protocol(memory_client: MakeClient, daisy: bytes) -> None:
    image = b64(daisy)
    client = memory_client(MAX_IMAGES_PER_MINUTE="1")
    assert client.post("/v1/classify?record=false", data=daisy).status_code == 200
    infer = {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [image]}]}
    answers = [
        client.post("/v1/classify?record=false", data=daisy),
        client.post("/v2/models/flowers/infer?record=false", json=infer),
        client.post("/v1/models/flowers:predict?record=false", json={"instances": [{"b64": image}]}),
        client.post("/v1/models/flowers:classify?record=false", json={"examples": [{"image": {"b64": image}}]}),
        client.post("/v1/models/flowers:explain", data=daisy),
        client.post("/v1/bigquery:call", json={"calls": [[image]]}),
    ]
    assert [answer.status_code for answer in answers] == [429] * len(answers)
    assert all(0 < int(answer.headers["Retry-After"]) <= 60 for answer in answers)
    assert answers[0].get_json()["error"]["reason"] == "over_rate"


def test_an_explanation_counts_for_the_rate(memory_client: MakeClient, daisy: bytes) -> None:
    client = memory_client(MAX_IMAGES_PER_MINUTE="1")
    assert client.post("/v1/models/flowers:explain", data=daisy).status_code == 200
    assert client.post("/v1/classify?record=false", data=daisy).status_code == 429


def _request(path: str, **facts: object) -> Request:
    return Request(EnvironBuilder(path, **facts).get_environ())  # type: ignore[arg-type]
