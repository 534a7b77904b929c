"""Limit the requests that a process works on at the same time.

``at_once`` requests run, ``waiting`` more queue, the rest get 429 immediately. gunicorn alone would queue a thousand
connections for its threads, with the health probes at the end, and answer each long after its client has left. So it
has more threads than requests that run (functions/gunicorn.conf.py): the extra threads hold the queued requests and
send the 429s.
"""

from __future__ import annotations

import threading
from collections import deque

from flask import Flask, Request, g, request

from shared.errors import Busy

QUEUE_TIMEOUT_S = 2.0
"""How long a request waits for a slot; after that, another instance serves the client faster."""

ALWAYS_ADMITTED = ("/v2/health/live", "/v2/health/ready", "/metrics")
"""Paths that need no slot: otherwise a high load could not be observed."""


class Admission:
    """A fixed number of slots with a queue: first in, first out. Thread-safe.

    Args:
        at_once: the number of slots, which is the most requests that run at the same time.
        waiting: the most requests that queue for a slot.
        timeout_s: the longest time that a request queues, in seconds.
    """

    def __init__(self, at_once: int, waiting: int, timeout_s: float = QUEUE_TIMEOUT_S) -> None:
        self.at_once = at_once
        self._most_waiting = waiting
        self._timeout_s = timeout_s
        self._working = 0
        self._queue: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    def enter(self) -> None:
        """Take a slot; queue for one if all are taken.

        Raises:
            Busy: the queue is full, or no slot became free within ``timeout_s`` seconds.
        """
        with self._lock:
            if self._working < self.at_once:  # the queue is empty whenever a slot is free
                self._working += 1
                return
            if len(self._queue) >= self._most_waiting:
                queued = len(self._queue)
                raise Busy(
                    f"{self._working} requests are running and {queued} are queued, which is the limit; "
                    "try again later."
                )
            slot = threading.Event()
            self._queue.append(slot)
        if not slot.wait(self._timeout_s):
            self._give_up(slot)

    def leave(self) -> None:
        """Pass the slot to the request that has waited longest, or free it."""
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._working -= 1

    def _give_up(self, slot: threading.Event) -> None:
        with self._lock:
            if slot.is_set():  # the slot arrived after the wait timed out and before the lock was taken
                return
            self._queue.remove(slot)
        raise Busy(f"The request waited {self._timeout_s:.0f} s for a free slot; try again later.")


def admit_requests(app: Flask, admission: Admission) -> None:
    """Make every request of an app take a slot, except health and metrics."""

    def enter() -> None:
        if not is_always_admitted(request):
            admission.enter()
            g.has_slot = True

    def leave(_: BaseException | None) -> None:
        if g.pop("has_slot", False):
            admission.leave()

    app.before_request(enter)
    app.teardown_request(leave)


def is_always_admitted(incoming: Request) -> bool:
    """Return whether a request needs no slot: a read of health or metrics without a body, which could arrive slowly."""
    has_body = bool(incoming.content_length) or "Transfer-Encoding" in incoming.headers
    return incoming.path in ALWAYS_ADMITTED and incoming.method in ("GET", "HEAD") and not has_body
