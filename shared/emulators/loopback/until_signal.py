"""Runs the asynchronous work of one part of the local cloud until SIGTERM or SIGINT asks it to finish.

The loop's own signal handlers (``add_signal_handler``, ``web.run_app``) are taken back when the loop closes, and a
signal that comes after that kills the process. These stay until the work has
ended, and both signals are ignored from then on.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import TypeVar

from shared.backlog.graceful_shutdown import SIGNALS, ignore_signals

Result = TypeVar("Result")


def run_until_signal(work: Callable[[asyncio.Event], Awaitable[Result]]) -> Result:
    """Run a coroutine and return its result; the event that it gets is set at SIGTERM or SIGINT, once or often.

    Must be called in the main thread. Both signals are ignored afterwards.
    """

    async def run() -> Result:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()

        def ask(_: int, __: FrameType | None) -> None:
            loop.call_soon_threadsafe(stop.set)

        for number in SIGNALS:
            signal.signal(number, ask)
        try:
            return await work(stop)
        finally:
            ignore_signals()

    return asyncio.run(run())
