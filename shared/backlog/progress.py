"""How far a sweep has come, known to all of its threads."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from shared.backlog.summary import Summary


class SweepProgress:
    """Counts outcomes from the making on. Thread-safe: a lock holds all that changes.

    Args:
        notice: told each outcome as it comes, from several threads.
    """

    def __init__(self, notice: Callable[[str], None]) -> None:
        self._notice = notice
        self._lock = threading.Lock()
        self._outcomes: Counter[str] = Counter()
        self._is_cut_short = False
        self._started = time.monotonic()

    def count(self, outcome: str) -> None:
        """Count the outcome of one upload."""
        with self._lock:
            self._outcomes[outcome] += 1
        self._notice(outcome)

    def cut_short(self) -> None:
        """Note that the sweep ends before the end of its list; repeatable."""
        with self._lock:
            self._is_cut_short = True

    @property
    def is_cut_short(self) -> bool:
        """Whether the sweep ends before the end of its list."""
        with self._lock:
            return self._is_cut_short

    def summary(self, oldest_upload_s: float | None) -> Summary:
        """Return what came of the sweep so far.

        Args:
            oldest_upload_s: how long the oldest upload had waited for when it was found, where that is known.
        """
        with self._lock:
            seconds = time.monotonic() - self._started
            return Summary(Counter(self._outcomes), seconds, self._is_cut_short, oldest_upload_s)
