"""The load generator: a process of its own that keeps N requests in flight, one a connection, and times each answer.

Raw sockets and requests that were written beforehand, so that it takes little CPU from the server; it reports how
much processor time it took. ``python -m tests.system.bench.load`` reads a ``Plan`` as JSON from its input, and prints
what it measured as JSON. Only the standard library, for a quick start.
"""

from __future__ import annotations

import itertools
import json
import re
import selectors
import socket
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
CHUNK = 256 * 1024
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Plan:
    """What to send, and for how long."""

    port: int
    requests: list[str]
    """Files, each a whole HTTP/1.1 request; the clients take turns with them."""
    clients: int
    seconds: float
    least: int = 0
    """Go on beyond ``seconds`` until so many were answered."""


@dataclass
class Measured:
    """The result of a plan."""

    took_ms: list[float] = field(default_factory=list)
    """Of each answer with 200: from the request's first byte to the answer's last."""
    statuses: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_s: float = 0.0
    """CPU seconds of the generator while it measured."""

    @property
    def answers(self) -> int:
        """Number of answers, with any status."""
        return sum(self.statuses.values())

    def add(self, status: int, client: Client) -> None:
        """Count an answer that has just arrived."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == 200:
            self.took_ms.append(1000 * (time.perf_counter() - client.since))


class Client:
    """One connection: a request at a time, the next as soon as the last is answered."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.socket = self._connect()
        self.unsent = memoryview(b"")
        self.received = bytearray()
        self.since = 0.0

    def begin(self, request: bytes) -> None:
        """Send as much of a request as the connection takes now."""
        self.unsent = memoryview(request)
        self.received.clear()
        self.since = time.perf_counter()
        self._push()

    def go_on(self) -> int | None:
        """Send and receive as much as possible; return the status once the answer is complete.

        Raises:
            ConnectionError: the server closed before that, or answers without a length.
        """
        if self.unsent:
            self._push()
        return self._pull()

    def _push(self) -> None:
        while self.unsent:
            try:
                self.unsent = self.unsent[self.socket.send(self.unsent[:CHUNK]) :]
            except BlockingIOError:
                return

    def _pull(self) -> int | None:
        try:
            content = self.socket.recv(CHUNK)
        except BlockingIOError:
            return None
        if not content:
            raise ConnectionError("the server closed the connection before it had answered")
        self.received += content
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self.received[: end + 2])
        length = LENGTH.search(head)
        if length is None:
            raise ConnectionError(f"an answer has no Content-Length, expected one: {head[:200]!r}")
        if len(self.received) < end + 4 + int(length[1]):
            return None
        if CLOSES.search(head):
            self.socket.close()
            self.socket = self._connect()
        return int(head[9:12])

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port), TIMEOUT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        return connection


def measure(plan: Plan) -> Measured:
    """Send the requests of a plan and time the answers.

    Raises:
        ConnectionError: a connection broke, or no answer came for ``TIMEOUT_S`` seconds.
    """
    turns = itertools.cycle([Path(name).read_bytes() for name in plan.requests])
    measured = Measured()
    with selectors.DefaultSelector() as selector:
        clients = [Client(plan.port) for _ in range(plan.clients)]
        cpu_before, started = time.process_time(), time.perf_counter()
        for client in clients:
            client.begin(next(turns))
            selector.register(client.socket, _awaited(client), client)
        while selector.get_map():
            for key in _ready(selector):
                client = key.data
                status = client.go_on()
                if status is not None:
                    measured.add(status, client)
                    if time.perf_counter() - started >= plan.seconds and measured.answers >= plan.least:
                        selector.unregister(key.fileobj)
                        continue
                    client.begin(next(turns))
                _watch(selector, key)
        measured.seconds = time.perf_counter() - started
        measured.cpu_s = time.process_time() - cpu_before
        for client in clients:
            client.socket.close()
    return measured


def _ready(selector: selectors.BaseSelector) -> list[selectors.SelectorKey]:
    ready = selector.select(TIMEOUT_S)
    if not ready:
        raise ConnectionError(f"no answer came for {TIMEOUT_S:.0f} s")
    return [key for key, _ in ready]


def _watch(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    """Wait for what the client needs next, on the connection that it has now."""
    client = key.data
    if client.socket is not key.fileobj:  # it had to reconnect
        selector.unregister(key.fileobj)
        selector.register(client.socket, _awaited(client), client)
    elif key.events != _awaited(client):
        selector.modify(client.socket, _awaited(client), client)


def _awaited(client: Client) -> int:
    return selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unsent else 0)


def main() -> None:
    """Read a plan, print what was measured."""
    plan = Plan(**json.load(sys.stdin))
    try:
        measured = measure(plan)
    except OSError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    json.dump(asdict(measured), sys.stdout)


if __name__ == "__main__":
    main()
