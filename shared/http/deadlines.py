"""Call a function at a deadline unless it is cancelled.

One thread serves all deadlines of a process. A ``threading.Timer`` starts a thread for each; to start two of them took
longer than everything else of a request except its inference (docs/performance.md).
"""

from __future__ import annotations

import math
import sched
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Deadlines:
    """Any number of deadlines. Thread-safe; the thread starts with the first deadline, so after gunicorn's fork."""

    def __init__(self) -> None:
        self._scheduler = sched.scheduler(time.monotonic)
        self._earlier = threading.Condition()
        self._wakes_at = math.inf
        self._thread: threading.Thread | None = None

    @contextmanager
    def call_after(self, seconds: float, on_late: Callable[[], object]) -> Iterator[None]:
        """Call ``on_late``, in another thread, if the block takes longer; it must not block and must not raise."""
        deadline = self._scheduler.enter(seconds, 0, on_late)
        if deadline.time < self._wakes_at:
            self._wake_at(deadline.time)
        try:
            yield
        finally:
            with suppress(ValueError):  # on_late was called already
                self._scheduler.cancel(deadline)

    def _wake_at(self, moment: float) -> None:
        with self._earlier:
            # not updated on cancel: a rare spurious wake-up is cheaper than a notify for every deadline
            self._wakes_at = min(self._wakes_at, moment)
            self._earlier.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._earlier:
                while (left_s := self._wakes_at - time.monotonic()) > 0:
                    self._earlier.wait(None if left_s == math.inf else left_s)
                self._wakes_at = math.inf
            next_s = self._scheduler.run(blocking=False)
            if next_s is not None:
                self._wake_at(time.monotonic() + next_s)


deadlines = Deadlines()
"""The deadlines of this process."""
