"""Calls that are made when a time has come, unless they are taken back before: one thread keeps all of a process.

A ``threading.Timer`` is a thread for each; starting two of them took longer than all else that a request takes beside
its picture (docs/performance.md).
"""

from __future__ import annotations

import math
import sched
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Alarms:
    """Alarms of any number. Thread-safe; its thread begins with the first alarm, and so after a fork."""

    def __init__(self) -> None:
        self._scheduler = sched.scheduler(time.monotonic)
        self._is_earlier = threading.Event()
        self._wakes_at = math.inf
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def unless_done_in(self, seconds: float, ring: Callable[[], object]) -> Iterator[None]:
        """Call ``ring``, in another thread, if the block takes longer; it must not block, nor raise."""
        self._begin()
        alarm = self._scheduler.enter(seconds, 0, ring)
        if alarm.time < self._wakes_at:
            self._is_earlier.set()
        try:
            yield
        finally:
            with suppress(ValueError):  # it has rung
                self._scheduler.cancel(alarm)

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._ring, name="alarms", daemon=True)
                self._thread.start()

    def _ring(self) -> None:
        while True:
            self._wakes_at = math.inf  # while we look, whoever comes wakes us
            wait_s = self._scheduler.run(blocking=False)
            if wait_s is not None:
                self._wakes_at = time.monotonic() + wait_s
            self._is_earlier.wait(wait_s)
            self._is_earlier.clear()


alarms = Alarms()
"""Those of this process."""
