"""A JSON server on 127.0.0.1 that keeps every exchange, for stand-ins of Google's REST APIs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.emulators.contract.wire import Exchange


@contextmanager
def recording_server(
    respond: Callable[[str, str, bytes], tuple[int, dict[str, Any]]], keep: Callable[[Exchange], object]
) -> Iterator[str]:
    """Serve for the length of the block; yields the URL.

    Args:
        respond: gives status and document for a method, a target (path and query) and a body.
        keep: takes every exchange, before its answer is sent.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, document = respond(self.command, self.path, body)
            content = json.dumps(document).encode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            keep(Exchange(self.command, self.path, headers, body, status, {}, content))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
