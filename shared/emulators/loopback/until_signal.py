"""Run the asynchronous work of a server until SIGTERM or SIGINT.

The event loop's own signal handlers (``add_signal_handler``, ``web.run_app``) end with the loop, and a signal that
arrives after that kills the process. The handlers of this module stay until the work has ended; then both signals are
ignored. While the interpreter ends, Python restores the system's default for every signal with a handler
(``_PySignal_Fini`` in CPython's Modules/signalmodule.c), but not for an ignored one.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import TypeVar

SIGNALS = (signal.SIGTERM, signal.SIGINT)

Result = TypeVar("Result")


def run_until_signal(work: Callable[[asyncio.Event], Awaitable[Result]]) -> Result:
    """Run a coroutine and return its result.

    It must be called in the main thread. Both signals are ignored afterwards.

    Args:
        work: a coroutine function; its argument is an event that SIGTERM or SIGINT sets.
    """

    async def run() -> Result:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()

        def request_stop(_: int, __: FrameType | None) -> None:
            loop.call_soon_threadsafe(stop.set)

        for number in SIGNALS:
            signal.signal(number, request_stop)
        try:
            return await work(stop)
        finally:
            for number in SIGNALS:
                signal.signal(number, signal.SIG_IGN)

    return asyncio.run(run())
