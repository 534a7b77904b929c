"""Limits on bytes, images, time and memory: each is a 4xx in the dialect's own shape."""

from __future__ import annotations

import json
import socket
import time
import tracemalloc
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests

from shared.errors import Busy
from shared.http import request_context
from shared.http.read_body import cost_of_parsing
from shared.images.memory_budget import MemoryBudgets
from tests.http.conftest import MakeClient, b64

ONE = b64(b"x")
BATCHES: dict[str, Callable[[int], dict[str, Any]]] = {
    "/v2/models/flowers/infer": lambda images: {
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": [images], "data": [ONE] * images}]
    },
    "/v1/models/flowers:predict": lambda images: {"instances": [{"b64": ONE}] * images},
    "/v1/models/flowers:classify": lambda images: {"examples": [{"image": {"b64": ONE}}] * images},
    "/v1/projects/p/locations/l/endpoints/e:predict": lambda images: {"instances": [{"content": ONE}] * images},
    "/v1/bigquery:call": lambda images: {"calls": [[ONE]] * images},
}
"""A request of so many images, by route."""


def message(answer: requests.Response) -> str:
    error = answer.json().get("error", answer.json().get("errorMessage"))
    return str(error if isinstance(error, str) else error["message"])


@pytest.mark.parametrize("path", BATCHES)
def test_more_images_than_allowed_are_refused_together(url: str, path: str) -> None:
    answer = requests.post(url + path, json=BATCHES[path](17), timeout=30)
    assert answer.status_code == 413
    assert message(answer) == "There are 17 images, expected at most 16 in one request."


@pytest.mark.parametrize("path", BATCHES)
def test_a_body_over_the_limit_is_refused_unread(url: str, path: str) -> None:
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        named = f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {1 << 30}"
        head = f"POST {path} HTTP/1.1\r\n{named}\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("path", BATCHES)
def test_json_of_more_values_than_memory_has_room_for_is_refused_unparsed(url: str, path: str) -> None:
    answer = requests.post(url + path, data=b"[" + b"{}," * 500_000 + b"{}]", timeout=30)
    assert answer.status_code == 413
    assert "values" in message(answer)


@pytest.mark.parametrize("path", BATCHES)
@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[]", b"7", b"NaN", b"[" * 100_000, b'{"a":' * 10_000, b"1" * 5_000]
)
def test_what_is_no_json_object_is_refused(url: str, path: str, body: bytes) -> None:
    assert requests.post(url + path, data=body, timeout=30).status_code == 400


def test_whoever_is_sent_away_at_the_door_hears_it_in_his_protocol(client_with: MakeClient) -> None:
    client = client_with()

    def send_away() -> None:
        raise Busy("There is no room.")

    client.application.before_request(send_away)
    answers = {path: client.post(path, json=asked(1)) for path, asked in BATCHES.items()}
    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in answers.values()} == {(429, "1")}
    shapes = {path: type(answer.get_json().get("error")) for path, answer in answers.items()}
    assert list(shapes.values()) == [str, str, str, dict, type(None)]


@pytest.mark.parametrize("path", [*BATCHES, "/v1/classify"])
def test_compressed_bodies_are_refused(url: str, path: str) -> None:
    answer = requests.post(url + path, data=b"x", headers={"Content-Encoding": "gzip"}, timeout=30)
    assert answer.status_code == 415


def test_an_image_over_the_limit_is_refused_in_base64_as_well(client_with: MakeClient, daisy: bytes) -> None:
    client = client_with(MAX_IMAGE_BYTES="1000")
    answer = client.post("/v1/models/flowers:predict", json={"instances": [{"b64": b64(daisy)}]})
    assert answer.status_code == 413


class Late:
    """A clock by which each look is a second later."""

    now = 0.0

    @classmethod
    def monotonic(cls) -> float:
        cls.now += 1
        return cls.now


def test_images_that_there_is_no_time_for_are_not_begun(
    client_with: MakeClient, daisy: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_with(MAX_REQUEST_S="1")
    client.get("/v1/models/flowers")
    monkeypatch.setattr(request_context, "time", Late)
    monkeypatch.setattr(Late, "now", time.monotonic())
    first, second = client.post("/v1/bigquery:call", json={"calls": [[b64(daisy)]] * 2}).get_json()["replies"]
    assert first["label"] == "daisy"
    assert second["error"].startswith("There was no time left after 1 s and 1 of the images")


SHAPES = [
    b"[],",
    b"{},",
    b'{"a":1},',
    b'"x",',
    b"1.5,",
    b"300,",
    b'{"a":[]},',
    b'[{"a":""}],',
    b"null,",
    b'{"a":{"b":2}},',
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.decode())
def test_parsing_takes_no_more_memory_than_was_reckoned(shape: bytes) -> None:
    body = b"[" + shape * 20_000 + b"0]"
    text = body.decode()
    tracemalloc.start()
    json.loads(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= cost_of_parsing(body)


def test_many_keys_take_no_more_memory_than_was_reckoned() -> None:
    body = json.dumps({f"key {index}": index for index in range(20_000)}).encode()
    text = body.decode()
    tracemalloc.start()
    json.loads(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= cost_of_parsing(body) + len(body)  # the keys' letters are the text's


def test_a_picture_in_numbers_has_room_in_the_default_memory() -> None:
    numbers = np.random.default_rng(0).random((224, 224, 3)).tolist()
    body = json.dumps(numbers).encode()
    assert cost_of_parsing(body) < MemoryBudgets.of_instance(512).files.capacity_bytes
