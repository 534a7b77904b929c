"""A server that gives every response that Cloud Storage and BigQuery may give, and calls to it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shared.adapters import gcs
from shared.types import Call, Failure, ImageFacts, ObjectRef, Source, Times


class Answer(BaseHTTPRequestHandler):
    """Answers every call as its server is set: with a status, or with bytes that break off."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        how = self.server.how  # type: ignore[attr-defined]
        self.close_connection = True
        if isinstance(how, int):
            self.send_response(how)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            how = b"{}"
        self.wfile.write(how)

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
        gc.collect()  # it closes the sockets of failed calls, whose warnings must not reach another test


REF = ObjectRef("b", "n", 5)
SHORT_S = 0.05
LONG_S = 20.0
"""Deadline of a call that gets its response immediately."""
FAILURE = Failure(
    "f" * 64,
    REF.created_at,
    "not_an_image",
    "It is a shopping list.",
    ImageFacts(1, None, bucket="b", name="n", generation=5),
    "gs://q/f",
    Call(Source.EVENT, datetime(2026, 1, 1, tzinfo=UTC)),
    Times(total_ms=1.0),
)

STORAGE_CALLS: dict[str, Callable[[gcs.CloudStorage], object]] = {
    "read": lambda store: store.read(REF, 1000),
    "find": lambda store: store.find("b", "n"),
    "uploads": lambda store: list(store.uploads("b")),
    "copy_once": lambda store: store.copy_once(REF, "q", "n"),
    "write_once": lambda store: store.write_once("b", "n", b"x", "image/png"),
    "delete": lambda store: store.delete(REF),
}
