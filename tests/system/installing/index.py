"""Serve a package index on 127.0.0.1, by the simple repository API (https://peps.python.org/pep-0503/)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

from tests.system.installing.wheels import sha256


@contextmanager
def index(folder: Path) -> Iterator[str]:
    """Serve the wheels of a folder; yield the index's address."""
    pages: dict[str, list[str]] = {}
    for wheel in sorted(folder.glob("*.whl")):
        name = str(parse_wheel_filename(wheel.name)[0])
        pages.setdefault(name, []).append(f'<a href="/files/{wheel.name}#sha256={sha256(wheel)}">{wheel.name}</a>')

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            kind, name = [*self.path.strip("/").split("/"), ""][:2]
            if kind == "files" and (folder / name).is_file():
                self._answer((folder / name).read_bytes(), "application/octet-stream")
            elif kind == "simple" and canonicalize_name(name) in pages:
                page = "<!DOCTYPE html><html><body>" + "\n".join(pages[canonicalize_name(name)]) + "</body></html>"
                self._answer(page.encode(), "text/html")
            else:
                self.send_error(HTTPStatus.NOT_FOUND)

        def _answer(self, body: bytes, kind: str) -> None:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: pytest shows the output of an installer."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple"
    finally:
        server.shutdown()
        server.server_close()
        serving.join()
