"""Stands between a client and a local service, passes every byte on, and keeps what went by."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOST = "127.0.0.1"
PATIENCE_S = 60
OF_ONE_CONNECTION = ("connection", "content-length", "keep-alive", "transfer-encoding")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer. Names of headers are in small letters."""

    method: str
    target: str
    """Path and query as they were sent, percent-encoded."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    status: int = 0
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    answer: bytes = b""


class Wire:
    """A recorder. Thread-safe.

    Attributes:
        url: where clients find it.
        exchanges: in the order in which they ended.
    """

    def __init__(self, upstream: str, url: str) -> None:
        self.url = url
        self.exchanges: list[Exchange] = []
        self._upstream = urlsplit(upstream).netloc
        self._amendments: list[tuple[str, dict[str, Any]]] = []
        self._lock = threading.Lock()

    def amend(self, pattern: str, times: int = 1, **changes: Any) -> None:
        """Change properties of the next good answers to requests whose target matches ``pattern``; None removes one.

        So a short test brings out what a client does after an answer that only large objects or long lists get.
        """
        self._amendments += [(pattern, changes)] * times

    def forget(self) -> None:
        """Clear the recording."""
        self.exchanges.clear()
        self._amendments.clear()

    def pass_on(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Exchange:
        """Send a request on as it came; returns and keeps the exchange."""
        with contextlib.closing(http.client.HTTPConnection(self._upstream, timeout=PATIENCE_S)) as connection:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
            answer_headers = _small(dict(answer.getheaders()))
        with self._lock:
            content = self._amended(target, answer.status, content)
            exchange = Exchange(method, target, _small(headers), body, answer.status, answer_headers, content)
            self.exchanges.append(exchange)
        return exchange

    def _amended(self, target: str, status: int, content: bytes) -> bytes:
        for index, (pattern, changes) in enumerate(self._amendments):
            if status == http.client.OK and re.search(pattern, target):
                del self._amendments[index]
                document = json.loads(content) | changes
                return json.dumps({name: value for name, value in document.items() if value is not None}).encode()
        return content


@contextlib.contextmanager
def wire_to(upstream: str) -> Iterator[Wire]:
    """Record what is sent to ``upstream`` for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            exchange = wire.pass_on(self.command, self.path, dict(self.headers.items()), body)
            self.send_response_only(exchange.status)
            for name, value in exchange.answer_headers.items():
                if name not in OF_ONE_CONNECTION:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(exchange.answer)))
            self.end_headers()
            self.wfile.write(exchange.answer)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _forward  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    wire = Wire(upstream, f"http://{HOST}:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="wire", daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _small(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
