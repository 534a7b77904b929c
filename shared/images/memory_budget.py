"""What the pictures in flight may take of the instance's memory, and how they share it."""

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
"""A file's bytes are held, and once more while they are received or sent to the archive."""


def return_what_is_freed() -> None:
    """Have glibc give large blocks back at once; repeatable, and without effect where there is no glibc.

    As it comes, every thread has a heap of its own in which freed pictures stay: sixteen threads that decoded a few
    large ones kept 800 MiB, of a budget of 208 (docs/decisions/0004).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in MALLOC_SETTINGS.items():
            mallopt(parameter, value)


class MemoryBudget:
    """Memory that several threads share: who finds no room waits, and then is told to come back. Thread-safe."""

    def __init__(self, capacity_bytes: int, patience_s: float = 5.0) -> None:
        self.capacity_bytes = capacity_bytes
        self.patience_s = patience_s
        self._taken_bytes = 0
        self._freed = threading.Condition()

    @contextmanager
    def room_for(self, needed_bytes: int) -> Iterator[None]:
        """Hold ``needed_bytes`` of the budget for the length of the block; more than there is at all is let in alone.

        Raises:
            Busy: there was no room within ``patience_s`` seconds.
        """
        needed_bytes = min(needed_bytes, self.capacity_bytes)
        with self._freed:
            fits = self._freed.wait_for(
                lambda: self._taken_bytes + needed_bytes <= self.capacity_bytes, timeout=self.patience_s
            )
            if not fits:
                raise Busy("The pictures in flight fill the memory set aside for them; try again in a second.")
            self._taken_bytes += needed_bytes
        try:
            yield
        finally:
            with self._freed:
                self._taken_bytes -= needed_bytes
                self._freed.notify_all()


UNLIMITED = MemoryBudget(1 << 62)


@dataclass(frozen=True, slots=True)
class Memory:
    """One budget for the files that were received, one for decoding them.

    They are apart because a file waits for its decode: in one budget, files that wait could fill what the decode that
    they wait for needs.
    """

    files: MemoryBudget
    decodes: MemoryBudget

    @classmethod
    def of_instance(cls, memory_mb: int) -> Memory:
        """Divide an instance's memory: the process itself has one half, and the pictures in flight the other.

        Of that other half, decodes take 13 sixteenths and files 2; one is left for what nobody counts
        (docs/decisions/0004).

        Args:
            memory_mb: MiB, as the instance's limit says.
        """
        share = memory_mb * MIB // 32
        return cls(files=MemoryBudget(2 * share), decodes=MemoryBudget(13 * share))

    @contextmanager
    def room_for_file(self, size_bytes: int) -> Iterator[None]:
        """Hold room for a file's bytes while the block receives them and works on them.

        Raises:
            Busy: too many files are in flight.
        """
        with self.files.room_for(COPIES_OF_A_FILE * size_bytes):
            yield
