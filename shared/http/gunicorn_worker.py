"""gunicorn's gthread worker with a timeout for request headers and a cheaper keep-alive.

gthread waits for headers while a client sends a byte now and then, and each such client holds a thread: with as many
slow clients as threads, no other request is answered. (``request_body`` limits a slow body, because it knows how long a
request may take.)

After each request, gthread returns the connection to its main thread, which hands it to a thread again for the next
request. That took a third of the time that Python spends on a request (docs/performance.md). Here, the thread waits a
moment for the next request itself, unless another connection needs the thread.
"""

from __future__ import annotations

import select
import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.http.unreader import SocketUnreader  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]  # its type stubs are of an older version

from shared.http.read_body import READ_CHUNK_BYTES

LINGER_MS = 2
"""How long a thread waits for a connection's next request before it returns the connection to the main thread."""

HEADERS_S = 10.0
"""Most time from a request's first byte to the end of its headers; Google's front ends send headers together."""


SocketUnreader.max_body_chunk = READ_CHUNK_BYTES


class LingeringWorker(ThreadWorker):  # type: ignore[misc]
    """A gthread worker that closes connections whose headers take longer than ``headers_s``."""

    headers_s = HEADERS_S

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._reading: dict[Any, float] = {}
        """The connections whose headers are being read, each with the monotonic time of its start."""

    def handle(self, conn: Any) -> Any:
        """Answer a connection's requests while the next one follows within LINGER_MS; runs in a thread of the pool.

        Returns:
            True if the connection stays open for a later request.
        """
        kept = self._handle_one(conn)
        while kept is True and self.alive and self._next_request_follows(conn):
            kept = self._handle_one(conn)
        return kept

    def _handle_one(self, conn: Any) -> Any:
        """Read one request, whose first byte has arrived or is expected, and answer it."""
        self._reading[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            self._reading.pop(conn, None)

    def _next_request_follows(self, conn: Any) -> bool:
        if self.tpool._work_queue.qsize():  # other connections wait for a thread
            return False
        if conn.parser.unreader.buf.getvalue():
            return True
        arrival = select.poll()
        arrival.register(conn.sock, select.POLLIN)
        return bool(arrival.poll(LINGER_MS))

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose headers have arrived."""
        self._reading.pop(conn, None)
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer input that is not HTTP, and log it without the client's address."""
        super().handle_error(req, client, None, exc)

    def murder_pending(self) -> None:
        """Close connections whose headers are late; gunicorn calls this from its main loop, at least once a second."""
        super().murder_pending()
        latest = time.monotonic() - self.headers_s
        for conn, since in list(self._reading.items()):
            if since < latest and conn in self._reading:
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RD)  # its thread then reads the end of the stream, and closes it
