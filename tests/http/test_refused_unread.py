"""A file over the limit is refused by its Content-Length: its body is not awaited and not held in memory."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from tests.limited_server import served
from tests.worlds import World

LIMIT_BYTES = 100_000
PATIENCE_S = 20


def answer_to_headers(url: str, stated_bytes: int) -> bytes:
    """Return the answer to the headers alone, before a byte of the body is sent; empty if there is none."""
    address = urlsplit(url)
    named = f"Host: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: {stated_bytes}"
    head = f"POST /v1/classify HTTP/1.1\r\n{named}\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=PATIENCE_S) as caller:
        caller.sendall(head.encode())
        caller.shutdown(socket.SHUT_WR)
        parts = []
        while part := caller.recv(65536):
            parts.append(part)
        return b"".join(parts)


def test_file_over_the_limit_is_refused_before_its_body_is_read(world: World, tmp_path: Path) -> None:
    limited = replace(world, environment=world.environment | {"MAX_IMAGE_BYTES": str(LIMIT_BYTES)})
    with served(limited, tmp_path) as (url, _):
        over, within = answer_to_headers(url, LIMIT_BYTES + 1), answer_to_headers(url, LIMIT_BYTES)
    assert over.startswith(b"HTTP/1.1 413 ")
    assert json.loads(over.partition(b"\r\n\r\n")[2])["error"]["reason"] == "too_many_bytes"
    assert within.startswith(b"HTTP/1.1 400 ")  # it is read, and has not come
