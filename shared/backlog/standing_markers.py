"""The attempts of one process whose markers stand, known to all of its threads."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from shared.types import ObjectRef


@dataclass(frozen=True, slots=True)
class Attempt:
    """An upload that is being worked on, and the marker that says so."""

    upload: ObjectRef
    number: int
    """From 1."""
    marker: ObjectRef
    began_s: float
    """By ``time.monotonic``."""


class StandingMarkers:
    """Attempts that are at work, and those whose markers are still to be removed. Thread-safe: a lock holds both."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at_work: set[Attempt] = set()
        self._given_back: set[Attempt] = set()
        """Those whose markers could not be removed yet."""

    def add(self, attempt: Attempt) -> None:
        """Note that an attempt is at work."""
        with self._lock:
            self._at_work.add(attempt)

    def give_back(self, attempt: Attempt) -> None:
        """Note that an attempt is at work no more, and that its marker is to be removed."""
        with self._lock:
            self._at_work.discard(attempt)
            self._given_back.add(attempt)

    def remove(self, attempt: Attempt) -> None:
        """Forget an attempt, whose marker is removed, or is to stand for good."""
        with self._lock:
            self._at_work.discard(attempt)
            self._given_back.discard(attempt)

    def to_give_back(self, began_after_s: float) -> list[Attempt]:
        """Return those whose markers are to be removed, and those at work that began later than that moment."""
        with self._lock:
            return [*(one for one in self._at_work if one.began_s > began_after_s), *self._given_back]
