"""Forks of a process, each with a limit to its time."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

CRASHED = 70
PAUSE_S = 0.01


def forked(work: Callable[[], int], limit_s: float) -> int | None:
    """Return the exit status of ``work`` in a fork of its own; None if it took too long and was ended."""
    child = os.fork()
    if child == 0:
        os.setsid()
        status = CRASHED
        try:
            status = work()
        except BaseException:
            traceback.print_exc()  # into the worker's log
        finally:
            os._exit(status)
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            _end_what_it_started(child)
            return os.waitstatus_to_exitcode(status)
        time.sleep(PAUSE_S)
    _end_what_it_started(child)
    os.waitpid(child, 0)
    return None


def _end_what_it_started(child: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
