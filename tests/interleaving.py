"""Run two threads at the worst moment: between one's read and its write the other writes, unless a lock prevents it.

Nothing here waits for a fixed time: the second thread either finds the lock taken or is done, and both are noticed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

PATIENCE_S = 60.0
"""The longest wait, which is reached only if something is broken."""


class WatchedLock:
    """A lock that records when a thread finds it taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.whoever_waits: Callable[[], None] = lambda: None

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self.whoever_waits()
            self._lock.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lock.release()

    def locked(self) -> bool:
        """Return whether a thread holds it."""
        return self._lock.locked()


class Interruption:
    """A point at which a second thread does the same as the first, once.

    Args:
        lock: should keep the two threads apart.
        act: what the second thread does.
    """

    def __init__(self, lock: WatchedLock, act: Callable[[], object]) -> None:
        self._has_met = threading.Event()
        self._second = threading.Thread(target=self._do, args=(act,))
        self._has_begun = False
        lock.whoever_waits = self._has_met.set

    def __call__(self) -> None:
        """Reach the point."""
        if not self._has_begun:
            self._has_begun = True
            self._second.start()
            assert self._has_met.wait(PATIENCE_S)

    def end(self) -> None:
        """Wait for the second thread."""
        assert self._has_begun, "no thread reached the point"
        self._second.join(PATIENCE_S)

    def _do(self, act: Callable[[], object]) -> None:
        try:
            act()
        finally:
            self._has_met.set()
