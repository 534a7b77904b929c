"""gunicorn's threaded worker, with an end for clients whose request headers do not come to one, and less ado between
the requests of one that goes on.

gunicorn's own waits for headers as long as a client sends a byte now and then, and each such client holds a thread:
as many of them as there are threads, and nobody else is answered any more. (A body that drips is the business of
``request_body``, which knows how long a request may take.)

And it hands a connection back to its main thread after each request, which hands it to a thread again for the next:
that took a third of the time that Python works for a request (docs/performance.md). Here a thread waits a moment for
the next one itself, where nobody else needs it.
"""

from __future__ import annotations

import select
import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.http.unreader import SocketUnreader  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]  # its stubs are of an older one

from shared.http.read_body import AT_ONCE_BYTES

LINGER_MS = 2
"""How long a thread waits for a connection's next request before it gives the connection back."""

HEADERS_S = 10.0
"""From a request's first byte to the end of its headers; Google's front ends send them whole."""


SocketUnreader.max_body_chunk = AT_ONCE_BYTES


class LingeringWorker(ThreadWorker):  # type: ignore[misc]
    """Stops to listen to connections whose headers take longer than ``headers_s``; their threads are free then."""

    headers_s = HEADERS_S

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._reading: dict[Any, float] = {}
        """Connections whose headers are being read, and since when."""

    def handle(self, conn: Any) -> Any:
        """Answer a connection's requests while they come at once; called in a thread of the pool.

        Returns:
            True where the connection may bring another one, later.
        """
        kept = self._handle_one(conn)
        while kept is True and self.alive and self._another_is_here(conn):
            kept = self._handle_one(conn)
        return kept

    def _handle_one(self, conn: Any) -> Any:
        """Read a request and answer it, once its first byte is there or expected."""
        self._reading[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            self._reading.pop(conn, None)

    def _another_is_here(self, conn: Any) -> bool:
        if self.tpool._work_queue.qsize():  # others wait for a thread, and it is their turn
            return False
        if conn.parser.unreader.buf.getvalue():
            return True
        arrival = select.poll()
        arrival.register(conn.sock, select.POLLIN)
        return bool(arrival.poll(LINGER_MS))

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose headers are here."""
        self._reading.pop(conn, None)
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what is no HTTP, and log it without the address that it came from."""
        super().handle_error(req, client, None, exc)

    def murder_pending(self) -> None:
        """Called by the worker's own loop, at least once a second; also ends who takes too long."""
        super().murder_pending()
        latest = time.monotonic() - self.headers_s
        for conn, since in list(self._reading.items()):
            if since < latest and conn in self._reading:
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RD)  # its thread reads an end, and closes
