"""The open attempts of a process: those whose markers exist."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from shared.types import ObjectRef


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to process an upload, and its marker."""

    upload: ObjectRef
    number: int
    """The number of the attempt, from 1."""
    marker: ObjectRef
    began_s: float
    """The start, by ``time.monotonic``."""


class OpenAttempts:
    """The running attempts, and the ended ones whose markers must still be deleted. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[Attempt] = set()
        self._withdrawn: set[Attempt] = set()
        """Ended attempts whose markers are not deleted yet."""

    def add(self, attempt: Attempt) -> None:
        """Add a running attempt."""
        with self._lock:
            self._running.add(attempt)

    def withdraw(self, attempt: Attempt) -> None:
        """Record that an attempt no longer runs and that its marker must be deleted."""
        with self._lock:
            self._running.discard(attempt)
            self._withdrawn.add(attempt)

    def remove(self, attempt: Attempt) -> None:
        """Remove an attempt whose marker is deleted, or must be kept."""
        with self._lock:
            self._running.discard(attempt)
            self._withdrawn.discard(attempt)

    def to_withdraw(self, began_after_s: float) -> list[Attempt]:
        """Return the attempts whose markers must be deleted, and the running ones that began after a moment."""
        with self._lock:
            return [*(attempt for attempt in self._running if attempt.began_s > began_after_s), *self._withdrawn]
