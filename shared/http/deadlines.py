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
        self._earlier = threading.Condition()
        self._wakes_at = math.inf
        self._thread: threading.Thread | None = None

    @contextmanager
    def unless_done_in(self, seconds: float, ring: Callable[[], object]) -> Iterator[None]:
        """Call ``ring``, in another thread, if the block takes longer; it must not block, nor raise."""
        alarm = self._scheduler.enter(seconds, 0, ring)
        if alarm.time < self._wakes_at:
            self._wake_at(alarm.time)
        try:
            yield
        finally:
            with suppress(ValueError):  # it has rung
                self._scheduler.cancel(alarm)

    def _wake_at(self, moment: float) -> None:
        with self._earlier:
            # kept though the alarm may be taken back at once: to wake up for nothing now and then costs less than to
            # be woken for each
            self._wakes_at = min(self._wakes_at, moment)
            self._earlier.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._ring, name="alarms", daemon=True)
                self._thread.start()

    def _ring(self) -> None:
        while True:
            with self._earlier:
                while (left_s := self._wakes_at - time.monotonic()) > 0:
                    self._earlier.wait(None if left_s == math.inf else left_s)
                self._wakes_at = math.inf
            next_s = self._scheduler.run(blocking=False)
            if next_s is not None:
                self._wake_at(time.monotonic() + next_s)


alarms = Alarms()
"""Those of this process."""
