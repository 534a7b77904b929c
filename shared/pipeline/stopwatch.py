"""Measure the milliseconds of each step of an image."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.types import Times


class Stopwatch:
    """A timer of the steps of one image, from its construction on. Threads may time different steps.

    Args:
        now: a clock, in seconds, that never goes back.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._started = now()
        self._steps_ms: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure one step, also if it fails; ``name`` is a field of ``Times``."""
        started = self._now()
        try:
            yield
        finally:
            self._steps_ms[name] = (self._now() - started) * 1000

    def times(self) -> Times:
        """Return the steps that have ended, and the total so far."""
        return Times(**self._steps_ms, total_ms=(self._now() - self._started) * 1000)
