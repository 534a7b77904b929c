"""Admission: a process works on a few requests at once, a few more wait, and whoever comes beyond is sent away at once.

gunicorn would let a thousand connections queue for its threads, each to be answered long after its caller has gone, and
health probes behind them. So it has more threads than requests are worked on (functions/gunicorn.conf.py): the ones
that are over hold those who wait, and tell the others to come back.
"""

from __future__ import annotations

import threading
from collections import deque

from flask import Flask, Request, g, request

from shared.errors import Busy

PATIENCE_S = 2.0
"""How long a request waits for its turn; a caller that has waited so long is better served by another instance."""

ALWAYS_ADMITTED = ("/v2/health/live", "/v2/health/ready", "/metrics")
"""Paths that are answered whatever the load, or nobody could see that it is high."""


class Admission:
    """Turns for requests, first come, first served. Thread-safe.

    Args:
        at_once: how many are worked on at the same time.
        waiting: how many more may wait for their turn.
        patience_s: for how long.
    """

    def __init__(self, at_once: int, waiting: int, patience_s: float = PATIENCE_S) -> None:
        self.at_once = at_once
        self._most_waiting = waiting
        self._patience_s = patience_s
        self._working = 0
        self._queue: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    def enter(self) -> None:
        """Take a turn, behind those who came before.

        Raises:
            Busy: as many as may already wait, or it was nobody's turn for ``patience_s`` seconds.
        """
        with self._lock:
            if self._working < self.at_once:  # and then nobody waits
                self._working += 1
                return
            if len(self._queue) >= self._most_waiting:
                waiting = len(self._queue)
                raise Busy(f"{self._working} requests are worked on and {waiting} wait; this one is sent away.")
            turn = threading.Event()
            self._queue.append(turn)
        if not turn.wait(self._patience_s):
            self._give_up(turn)

    def leave(self) -> None:
        """Give the turn to whoever has waited longest."""
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._working -= 1

    def _give_up(self, turn: threading.Event) -> None:
        with self._lock:
            if turn.is_set():  # at the last moment
                return
            self._queue.remove(turn)
        raise Busy(f"It was not this request's turn for {self._patience_s:.0f} s.")


def admit_requests(app: Flask, admission: Admission) -> None:
    """Have every request of an app take its turn, but for those that tell how it is."""

    def enter() -> None:
        if not is_always_admitted(request):
            admission.enter()
            g.has_its_turn = True

    def leave(_: BaseException | None) -> None:
        if g.pop("has_its_turn", False):
            admission.leave()

    app.before_request(enter)
    app.teardown_request(leave)


def is_always_admitted(asked: Request) -> bool:
    """Whether a request only asks how it is. A body, which may take its time, makes it one like any other."""
    has_body = bool(asked.content_length) or "Transfer-Encoding" in asked.headers
    return asked.path in ALWAYS_ADMITTED and asked.method in ("GET", "HEAD") and not has_body
