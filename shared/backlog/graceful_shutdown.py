"""Graceful shutdown on SIGTERM and SIGINT; Cloud Run sends SIGTERM and kills the process ten seconds later.

https://cloud.google.com/run/docs/container-contract#jobs-shutdown

A process that has finished its work must not be killed by a signal during its exit, because its exit code would
report a kill. Python restores the default handler of every signal that has a handler while the interpreter ends
(``_PySignal_Fini`` in CPython's Modules/signalmodule.c); signals that are ignored stay ignored. So each block here
leaves both signals ignored for the rest of the process. Child processes that are started after that inherit it.
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
"""The time for uploads in flight. With the time of ``cut_off``, the process ends within eight seconds."""


def ignore_signals() -> None:
    """Ignore SIGTERM and SIGINT until the process ends; its work is done.

    Idempotent. Only the main thread may call it.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt in the block at the first SIGTERM or SIGINT; ignore both from then on.

    So the code after the block, such as stopping child processes, is never interrupted.
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
    """Defer SIGTERM and SIGINT until the block has ended, so that a process that it starts is also recorded.

    A deferred signal is raised again after the block, under the handlers from before it. Outside of the main thread,
    where Python runs no handlers, the block runs without protection.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    before = {number: signal.signal(number, lambda number, _: received.append(number)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


@contextmanager
def graceful_shutdown(stop: Callable[[], None], cut_off: Callable[[], None]) -> Iterator[None]:
    """Stop the block on the first SIGTERM or SIGINT, and end the process on the second.

    After the block both are ignored: the process only has to print its summary and exit.

    Args:
        stop: requests the end of the block.
        cut_off: called if the block has not ended within ``GRACE_S`` seconds; then the process ends with exit code 1,
            without waiting for its threads.
    """
    requests: SimpleQueue[bool] = SimpleQueue()  # its put may be called in a signal handler
    ended = threading.Event()

    def watch() -> None:
        if not requests.get():
            return
        stop()
        if ended.wait(GRACE_S):
            return
        cut_off()
        sys.stdout.flush()
        os._exit(1)

    def request_stop(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        requests.put(True)

    for number in SIGNALS:
        signal.signal(number, request_stop)
    threading.Thread(target=watch, name="graceful shutdown", daemon=True).start()
    try:
        yield
    finally:
        ignore_signals()
        ended.set()
        requests.put(False)
