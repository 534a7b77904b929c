"""A proxy in front of the service that redirects requests, as a sign-in proxy does with signed-out users.

The redirects come over the network: Chromium sometimes never ends a request whose redirect is made up by Playwright.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@contextmanager
def redirecting_front(service: str, redirects: dict[str, int]) -> Iterator[str]:
    """Run the proxy; yield its URL.

    Args:
        service: the URL to which requests are forwarded.
        redirects: by path, how many more requests are answered with a redirect to ``/v2``. The proxy counts it down.
    """

    class Front(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if redirects.get(self.path, 0) > 0:
                redirects[self.path] -= 1
                self.reply(302, {"Location": "/v2"}, b"")
                return
            connection = http.client.HTTPConnection(urlsplit(service).netloc, timeout=60)
            connection.request(self.command, self.path, body or None, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            self.reply(answer.status, dict(answer.headers), content)
            connection.close()

        def do_POST(self) -> None:
            self.do_GET()

        def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Front) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
