"""An orderly end of a job: Cloud Run sends SIGTERM and kills ten seconds later.

https://cloud.google.com/run/docs/container-contract#jobs-shutdown
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

GRACE_S = 5.0
"""For what is in flight. With what ``cut_off`` may take, the process is gone within eight seconds."""


@contextmanager
def orderly_end(stop: Callable[[], None], cut_off: Callable[[], None]) -> Iterator[None]:
    """For the length of the block, let SIGTERM and SIGINT ask for its end; the second one ends the process at once.

    Args:
        stop: asks the block to end soon.
        cut_off: called if it has not within ``GRACE_S`` seconds; then the process ends with exit code 1, whatever its
            threads are waiting for.
    """
    asked: SimpleQueue[bool] = SimpleQueue()  # its put may be called by a signal's handler
    ended = threading.Event()

    def watch() -> None:
        if not asked.get():
            return
        stop()
        if ended.wait(GRACE_S):
            return
        cut_off()
        sys.stdout.flush()
        os._exit(1)

    def ask(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        asked.put(True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    threading.Thread(target=watch, name="orderly end", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        asked.put(False)
        for number, handler in before.items():
            signal.signal(number, handler)
