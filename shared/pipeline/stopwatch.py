"""Milliseconds by step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from shared.types import Times


class Stopwatch:
    """Times the steps of one image, from its making on. Different steps may be timed from different threads."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._steps_ms: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step, also where it fails; ``name`` is a field of ``Times``."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._steps_ms[name] = (time.perf_counter() - started) * 1000

    def times(self) -> Times:
        """Return the steps that have ended, and the total so far."""
        return Times(**self._steps_ms, total_ms=(time.perf_counter() - self._started) * 1000)
