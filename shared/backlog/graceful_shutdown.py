"""Orderly ends of processes that SIGTERM or SIGINT asks to finish: Cloud Run sends SIGTERM and kills ten seconds later.

https://cloud.google.com/run/docs/container-contract#jobs-shutdown

A process that has finished its work must not die of a signal on its last instructions: its exit code would say that it
was killed. Python gives every signal with a handler back to the system while the interpreter ends
(``_PySignal_Fini`` in CPython's Modules/signalmodule.c); signals that are ignored stay ignored. So each way out of a
block here leaves both signals ignored, for the rest of the process. Processes started after that inherit it.
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

SIGNALS = (signal.SIGTERM, signal.SIGINT)

GRACE_S = 5.0
"""For what is in flight. With what ``cut_off`` may take, the process is gone within eight seconds."""


def ignore_signals() -> None:
    """Ignore SIGTERM and SIGINT from here to the last instruction: the work is done and only the exit is left.

    Idempotent. Only the main thread may call it.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt in the block at the first SIGTERM or SIGINT; ignore both from then on.

    So what follows the block, such as stopping the processes that it started, is never interrupted halfway.
    """

    def interrupt(_: int, __: FrameType | None) -> None:
        ignore_signals()
        raise KeyboardInterrupt

    try:
        for number in SIGNALS:
            signal.signal(number, interrupt)
        yield
    finally:
        ignore_signals()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Put off SIGTERM and SIGINT until the block has ended, so that a process that it starts is also noted.

    A signal that came meanwhile is raised again after the block, under the handlers that stood before it. Outside of
    the main thread, where Python runs no handlers, the block just runs.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def orderly_end(stop: Callable[[], None], cut_off: Callable[[], None]) -> Iterator[None]:
    """Let the first SIGTERM or SIGINT ask the block to end, and the second one end the process at once.

    After the block both are ignored: the process has only its summary and its exit code left to give.

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

    for number in SIGNALS:
        signal.signal(number, ask)
    threading.Thread(target=watch, name="orderly end", daemon=True).start()
    try:
        yield
    finally:
        ignore_signals()
        ended.set()
        asked.put(False)
