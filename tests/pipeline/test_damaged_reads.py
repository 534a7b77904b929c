"""Damaged bytes are refused, also when an interrupted read was resumed."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import google_crc32c
import pytest

from shared.adapters.gcs import CloudStorage
from shared.errors import StorageUnavailable
from shared.types import ObjectRef

REF = ObjectRef("b", "n", 5)
CONTENT = b"a photo of a rose, as it was uploaded" * 1000
SUM = base64.b64encode(google_crc32c.value(CONTENT).to_bytes(4, "big")).decode()
DEADLINE_S = 20


class Store(BaseHTTPRequestHandler):
    """A store that breaks off its first answer in the middle and resumes at the requested range."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        body = self.server.sent[start:]  # type: ignore[attr-defined]
        self.send_response(206 if start else 200)
        self.send_header("X-Goog-Hash", f"crc32c={SUM}")
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{start + len(body)}")
        self.end_headers()
        breaks_off = self.server.breaks_off and not start  # type: ignore[attr-defined]
        self.wfile.write(body[: len(body) // 2] if breaks_off else body)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def store_that_sends(content: bytes, *, breaks_off: bool) -> Iterator[CloudStorage]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as server:
        server.sent, server.breaks_off = content, breaks_off  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield CloudStorage("p", DEADLINE_S, endpoint=f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("breaks_off", [False, True], ids=["whole", "resumed"])
def test_read_returns_the_whole_file(breaks_off: bool) -> None:
    with store_that_sends(CONTENT, breaks_off=breaks_off) as store:
        assert store.read(REF, len(CONTENT)) == CONTENT


@pytest.mark.parametrize("breaks_off", [False, True], ids=["whole", "resumed"])
def test_read_refuses_damaged_bytes(breaks_off: bool) -> None:
    damaged = CONTENT[:-1] + b"!"
    with (
        store_that_sends(damaged, breaks_off=breaks_off) as store,
        pytest.raises(StorageUnavailable, match="arrived damaged"),
    ):
        store.read(REF, len(CONTENT))
