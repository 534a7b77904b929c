"""Milliseconds by step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from shared.types import Times


class Stopwatch:
    """Fills in a call's ``Times``. Different steps may be timed from different threads."""

    def __init__(self, times: Times) -> None:
        self._times = times
        self._started = time.perf_counter()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step; ``name`` is a field of ``Times``."""
        started = time.perf_counter()
        try:
            yield
        finally:
            setattr(self._times, name, (time.perf_counter() - started) * 1000)

    def stop(self) -> None:
        """Note the total so far."""
        self._times.total_ms = (time.perf_counter() - self._started) * 1000
