"""Slow clients and large bodies: the real server answers them within its limits of time and memory."""

from __future__ import annotations

import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from urllib.parse import urlsplit

import numpy as np
import psutil
import pytest
import requests

from tests.http.conftest import b64
from tests.large_pictures import large_picture
from tests.limited_server import ALLOWANCE_BYTES, AT_ONCE, private_bytes, served
from tests.worlds import World

HEADER = "Inference-Header-Content-Length"
Body = tuple[str, bytes, dict[str, str]]


SLOW = {
    "application/json": "/v2/models/flowers/infer",
    "image/jpeg": "/v1/classify",
    "multipart/form-data; boundary=x": "/v1/classify",
}
"""Paths by the kind of body that they take."""


def test_body_that_does_not_end_in_time_is_answered_with_408(world: World, tmp_path: Path) -> None:
    hurried = replace(world, environment=world.environment | {"MAX_REQUEST_S": "1"})
    with served(hurried, tmp_path) as (url, _):
        for content_type, path in SLOW.items():
            answer = answer_to_half_a_body(url, path, content_type)
            assert answer.startswith(b"HTTP/1.1 408 "), answer
            assert b"The body did not arrive within 1 s" in answer


def answer_to_half_a_body(url: str, path: str, content_type: str) -> bytes:
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\nContent-Length: 1000\r\n\r\n"
        )
        connection.sendall(head.encode() + b"--x\r\n")
        return b"".join(iter(lambda: connection.recv(4096), b""))


def large_bodies() -> dict[str, Body]:
    """Bodies of about 20 MB, by kind."""
    picture = large_picture("jpeg")
    pixels = np.random.default_rng(1).integers(0, 256, (1, 1300, 1300, 3), dtype=np.uint8).astype("<f4").tobytes()
    tensor = {"name": "image", "datatype": "FP32", "shape": [1, 1300, 1300, 3]}
    head = json.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": len(pixels)}}]}).encode()
    infer, predict = "/v2/models/flowers/infer", "/v1/models/flowers:predict"
    return {
        "base64": (predict, json.dumps({"instances": [{"b64": b64(picture)}]}).encode(), {}),
        "pixels": (infer, head + pixels, {HEADER: str(len(head))}),
        "values": (predict, b'{"instances": [' + b"{}," * 150_000 + b"{}]}", {}),
    }


def post_in_parallel(url: str, body: Body) -> list[int]:
    path, content, headers = body
    together = Barrier(AT_ONCE)

    def post(_: int) -> int:
        together.wait()
        return requests.post(url + path, data=content, headers=headers, timeout=60).status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(post, range(AT_ONCE)))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a running process's private memory")
@pytest.mark.timeout(300)
def test_sixteen_large_bodies_in_parallel_stay_within_256_mib_above_idle(
    world: World, daisy: bytes, tmp_path: Path
) -> None:
    with served(world, tmp_path) as (url, worker):
        small: Body = ("/v1/models/flowers:predict", json.dumps({"instances": [{"b64": b64(daisy)}]}).encode(), {})
        assert set(post_in_parallel(url, small)) == {200}
        allowed = private_bytes(worker) + ALLOWANCE_BYTES
        worker.rlimit(psutil.RLIMIT_DATA, (allowed, allowed))
        statuses = {name: set(post_in_parallel(url, body)) for name, body in large_bodies().items()}
        assert worker.is_running()
        assert post_in_parallel(url, small).count(200) == AT_ONCE
    assert "MemoryError" not in (tmp_path / "server.log").read_text()
    for name in ("base64", "pixels"):
        assert statuses[name] <= {200, 429}, statuses
        assert 200 in statuses[name], statuses
    assert statuses["values"] <= {413, 429}
