"""The progress of a sweep, shared by its threads."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from shared.backlog.summary import Summary


class SweepProgress:
    """The outcomes of a sweep so far, and its duration since construction. Thread-safe.

    Args:
        on_outcome: called with each outcome, from several threads.
    """

    def __init__(self, on_outcome: Callable[[str], None]) -> None:
        self._on_outcome = on_outcome
        self._lock = threading.Lock()
        self._outcomes: Counter[str] = Counter()
        self._is_cut_short = False
        self._started = time.monotonic()

    def count(self, outcome: str) -> None:
        """Count the outcome of one upload."""
        with self._lock:
            self._outcomes[outcome] += 1
        self._on_outcome(outcome)

    def cut_short(self) -> None:
        """Record that the sweep ends before the end of its list; idempotent."""
        with self._lock:
            self._is_cut_short = True

    @property
    def is_cut_short(self) -> bool:
        """Whether the sweep ends before the end of its list."""
        with self._lock:
            return self._is_cut_short

    def summary(self, oldest_upload_s: float | None) -> Summary:
        """Return the summary of the sweep so far.

        Args:
            oldest_upload_s: the age of the oldest upload when the sweep reached it; None if it is not measured.
        """
        with self._lock:
            seconds = time.monotonic() - self._started
            return Summary(Counter(self._outcomes), seconds, self._is_cut_short, oldest_upload_s)
