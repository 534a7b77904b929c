"""A server with the requests and answers of Bucketlens, for the benchmark's own tests.

``python -m tests.system.bench.stand_in PORT`` starts it. With a third argument it gives that label to every picture;
a request with ``404`` in its path is refused.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.system.bench.bare_loop import classifier
from tests.system.bench.field import BUNDLE
from tests.system.bench.wire import HOST


class Answers(BaseHTTPRequestHandler):
    """A handler that gives the answers of the limit."""

    protocol_version = "HTTP/1.1"
    classify = staticmethod(classifier(BUNDLE))
    turn = threading.Lock()

    def do_POST(self) -> None:
        """Answer a picture."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        with self.turn:
            label, score = self.classify(content)
        body = json.dumps({"label": sys.argv[2] if len(sys.argv) > 2 else label, "score": score}).encode()
        self.send_response(404 if "404" in self.path else 200)
        self.send_header("Content-Length", str(len(body)))
        if "close" in self.path:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer((HOST, int(sys.argv[1])), Answers).serve_forever()
