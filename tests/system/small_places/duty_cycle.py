"""Limit processes without control groups: resource limits for memory, and stops and continues for the CPU.

Stricter than a group for memory, since it limits requested and not used memory; coarser for the CPU.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

from tests.system.small_places.size import Size

STACK_KIB = 1024
"""RLIMIT_DATA counts a thread's whole stack: 8 MiB for each of 24 threads would be all the memory."""
ENTER = 'ulimit -s "$1" && ulimit -d "$2" && shift 2 && exec "$@"'
STEP_S = 0.01
LONGEST_BURST_S = 1.0
"""The time after which an unused share expires; in a group it expires after a tenth of that."""


@dataclass
class DutyCycle:
    """A limiter that stops a family of processes while it has used more than its share."""

    size: Size
    how: str = "resource limits for memory, and stopping the process for the CPU"
    _ends: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def command(self, words: Sequence[str]) -> list[str]:
        """Return the command that starts a program with the limits."""
        return ["sh", "-c", ENTER, "sh", str(STACK_KIB), str(self.size.memory_mb * 1024), *words]

    def watch(self, pid: int) -> None:
        """Begin to stop and continue the process with this id and its children."""
        self._thread = threading.Thread(target=self._run, args=(psutil.Process(pid),), name="duty", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let the processes run on without limits."""
        self._ends.set()
        if self._thread:
            self._thread.join()

    def killed(self) -> int:
        """Return 0: a process that requests too much is refused it, and its log says so."""
        return 0

    def charged_mib(self) -> float | None:
        """Return None: nothing is charged."""
        return None

    def _run(self, first: psutil.Process) -> None:
        credit_s, used_s, seen_at, is_stopped = 0.0, _used_s(first), time.monotonic(), False
        while not self._ends.wait(STEP_S):
            now, used_now_s = time.monotonic(), _used_s(first)
            earned_s = self.size.cpu * (now - seen_at)
            credit_s = min(credit_s + earned_s - (used_now_s - used_s), self.size.cpu * LONGEST_BURST_S)
            used_s, seen_at = used_now_s, now
            if credit_s < 0:
                _signal(first, signal.SIGSTOP)  # each time: a child may have started since the last
            elif is_stopped:
                _signal(first, signal.SIGCONT)
            is_stopped = credit_s < 0
        _signal(first, signal.SIGCONT)


@contextmanager
def duty_cycle_of(size: Size) -> Iterator[DutyCycle]:
    """Limit the watched processes for the length of the block."""
    cycle = DutyCycle(size)
    try:
        yield cycle
    finally:
        cycle.end()


def is_possible() -> bool:
    """Return whether this system enforces RLIMIT_DATA (Linux since 4.7, getrlimit(2); macOS does not)."""
    return sys.platform == "linux"


def _family(first: psutil.Process) -> list[psutil.Process]:
    try:
        return [first, *first.children(recursive=True)]
    except psutil.Error:
        return []


def _used_s(first: psutil.Process) -> float:
    used_s = 0.0
    for process in _family(first):
        with suppress(psutil.Error):
            times = process.cpu_times()
            used_s += times.user + times.system
    return used_s


def _signal(first: psutil.Process, number: int) -> None:
    for process in _family(first):
        with suppress(psutil.Error):
            process.send_signal(number)
