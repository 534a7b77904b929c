"""Budgets for the memory of an instance that images in flight share."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shared.errors import Busy

MIB = 1024 * 1024

MALLOC_SETTINGS = {-8: 2, -3: MIB, -1: MIB}
"""glibc's M_ARENA_MAX, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD (mallopt(3)): two heaps, and blocks of 1 MiB or more go
back to the system as soon as they are freed."""

COPIES_OF_A_FILE = 2
"""A file's bytes are held once, and once more while they are received or sent to the archive."""


def configure_malloc() -> None:
    """Let glibc return large blocks to the system immediately; idempotent, and without effect without glibc.

    By default every thread has its own heap, in which freed pictures stay: sixteen threads that decoded a few large
    pictures kept 800 MiB, with a budget of 208 (docs/decisions/0004).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in MALLOC_SETTINGS.items():
            mallopt(parameter, value)


class MemoryBudget:
    """Memory that several threads share: a caller without room waits, and then gets ``Busy``. Thread-safe."""

    def __init__(self, capacity_bytes: int, timeout_s: float = 5.0) -> None:
        self.capacity_bytes = capacity_bytes
        self.timeout_s = timeout_s
        self._taken_bytes = 0
        self._freed = threading.Condition()

    @contextmanager
    def room_for(self, needed_bytes: int) -> Iterator[None]:
        """Hold ``needed_bytes`` of the budget during the block; a need over the capacity is admitted alone.

        Raises:
            Busy: there was no room within ``timeout_s`` seconds.
        """
        needed_bytes = min(needed_bytes, self.capacity_bytes)
        with self._freed:
            fits = self._freed.wait_for(
                lambda: self._taken_bytes + needed_bytes <= self.capacity_bytes, timeout=self.timeout_s
            )
            if not fits:
                raise Busy("The images in flight fill the memory for them; try again in a second.")
            self._taken_bytes += needed_bytes
        try:
            yield
        finally:
            with self._freed:
                self._taken_bytes -= needed_bytes
                self._freed.notify_all()


UNLIMITED = MemoryBudget(1 << 62)


@dataclass(frozen=True, slots=True)
class MemoryBudgets:
    """The budgets of an instance: one for received files, one for decoding them.

    They are separate because a file waits for its decode: in one budget, waiting files could fill the memory that the
    decode needs.
    """

    files: MemoryBudget
    decodes: MemoryBudget

    @classmethod
    def of_instance(cls, memory_mb: int) -> MemoryBudgets:
        """Divide an instance's memory: one half for the process itself, the other for images in flight.

        Of that other half, decodes get 13 sixteenths and files 2; one is left for what is not counted
        (docs/decisions/0004).

        Args:
            memory_mb: the instance's limit, in MiB.
        """
        share = memory_mb * MIB // 32
        return cls(files=MemoryBudget(2 * share), decodes=MemoryBudget(13 * share))

    @contextmanager
    def room_for_file(self, size_bytes: int) -> Iterator[None]:
        """Hold memory for a file's bytes while the block receives and processes them.

        Raises:
            Busy: too many files are in flight.
        """
        with self.files.room_for(COPIES_OF_A_FILE * size_bytes):
            yield
