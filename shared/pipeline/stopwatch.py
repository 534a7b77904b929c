"""Measure the milliseconds of each step of an image."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from shared.types import Times


class Stopwatch:
    """A timer of the steps of one image, from its construction on. Threads may time different steps."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._steps_ms: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure one step, also if it fails; ``name`` is a field of ``Times``."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._steps_ms[name] = (time.perf_counter() - started) * 1000

    def times(self) -> Times:
        """Return the steps that have ended, and the total so far."""
        return Times(**self._steps_ms, total_ms=(time.perf_counter() - self._started) * 1000)
