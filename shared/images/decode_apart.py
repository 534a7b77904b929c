"""A picture is decoded in a process of its own, which the operating system holds to its time and memory.

Workers are started with the first such pictures. Each has loaded the decoders and nothing else, takes one picture at a
time, limits itself before it opens it, says how much memory it needs, waits for the word that there is room, limits
itself by that, and decodes (``decode_worker``). A picture that goes over its limits ends its worker, and the next one
gets another. The file goes there and the pixels come back through shared memory.

On Windows everything is decoded in the process itself, without these bounds. macOS heeds the limits on time and not
those on memory.
"""

from __future__ import annotations

import atexit
import json
import mmap
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

import numpy as np

from shared import errors
from shared.errors import BucketlensError, Busy, DamagedImage, TooCostly
from shared.images.memory_budget import MIB, MemoryBudget
from shared.types import Image

START = "from shared.images.decode_worker import main; main(int(sys.argv[1]))"
"""What a worker runs, when its module path is this process's."""

MOST_WORKERS = 2
"""Each takes about 40 MiB, 20 of them its own; the decoders have threads themselves."""

PATIENCE_S = 10
"""For a worker that is free."""

ANSWER_S = 900
"""Longer than any worker gives itself."""

WORKER_BYTES = 16 * MIB
"""What a worker may take beside what its picture needs: its threads' stacks, and what no header tells."""

OUT_OF_MEMORY = 77
"""A worker's exit status where it had no memory left to say so."""

GO, STOP, ORDER = b"g", b"n", b"d"


def decode(content: bytes, max_pixels: int, shrink_to_px: int | None, budget: MemoryBudget) -> Image:
    """Decode a picture apart; see ``decode.decode``. Thread-safe.

    Raises:
        Permanent: as ``decode_here.decode``.
        TooCostly: it took more time or memory than a picture of its size may take.
        DamagedImage: its decoder crashed.
        Busy: there is no room in ``budget``, no worker that is free, or none to be had.
    """
    order = {"max_pixels": max_pixels, "shrink_to_px": shrink_to_px, "capacity_bytes": budget.capacity_bytes}
    with _workers.one() as worker, _file("picture") as given, _file("pixels") as taken:
        given.write(json.dumps(order).encode() + b"\n" + content)
        given.flush()
        said = worker.order(given, taken)
        if "needs" in said:
            said = worker.go_on(said["needs"], budget)
        if "refused" in said:
            raise getattr(errors, said["refused"])(said["message"])
        height, width = said.pop("shape")
        mapped = mmap.mmap(taken.fileno(), height * width * 3, access=mmap.ACCESS_READ)
        return Image(np.frombuffer(mapped, np.uint8).reshape(height, width, 3), **said)


def too_costly() -> TooCostly:
    """Return the error for a picture that went over its time or memory."""
    return TooCostly(
        "Decoding the picture takes more time or memory than a picture of its size may take; save it again with an "
        "image editor."
    )


class _Worker:
    """One worker's process, and the socket to it."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        code = f"import sys; sys.path[:] = {sys.path!r}; {START}"
        command = [sys.executable, "-c", code, str(theirs.fileno())]
        try:
            with theirs:
                self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        except OSError as error:
            self._socket.close()
            raise Busy("No process can be started to decode the picture; try again in a second.") from error
        self._socket.settimeout(ANSWER_S)
        self._lines = self._socket.makefile("rb")
        self.is_between_pictures = True

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def order(self, given: IO[bytes], taken: IO[bytes]) -> dict[str, Any]:
        """Hand over a picture. Returns what it says first: what it needs, or why the picture is refused."""
        self.is_between_pictures = False
        with suppress(OSError):  # it has ended, and how it did is the answer
            socket.send_fds(self._socket, [ORDER], [given.fileno(), taken.fileno()])
        said = self._answer()
        self.is_between_pictures = "needs" not in said
        return said

    def go_on(self, needed_bytes: int, budget: MemoryBudget) -> dict[str, Any]:
        """Have it decode once there is room. Returns what it says of the pixels, or why the picture is refused."""
        try:
            with budget.room_for(needed_bytes + WORKER_BYTES):
                self._tell(GO)
                said = self._answer()
        except Busy:
            if self.is_alive:
                self._tell(STOP)
                self._answer()
                self.is_between_pictures = True
            raise
        self.is_between_pictures = True
        return said

    def end(self) -> None:
        """End it, whatever it does."""
        self._lines.close()
        self._socket.close()
        if self.is_alive:
            self._process.kill()
        self._process.wait()

    def _tell(self, word: bytes) -> None:
        with suppress(OSError):
            self._socket.sendall(word)

    def _answer(self) -> dict[str, Any]:
        line = b""
        with suppress(OSError):
            line = self._lines.readline()
        if not line:
            self._socket.close()
            self._process.kill()
            raise _why_ended(self._process.wait())
        found: dict[str, Any] = json.loads(line)
        return found


def _why_ended(status: int) -> BucketlensError:
    """Say what it means for a picture that its worker ended; a negative status is a signal.

    Where the clock ended it, others had the processor: it would have come to the end of its own time before.
    """
    if status in (OUT_OF_MEMORY, -signal.SIGXCPU):
        return too_costly()
    if status < 0 and -status not in (signal.SIGKILL, signal.SIGALRM, signal.SIGTERM):
        return DamagedImage(
            "The file begins like an image, but its decoder breaks down over it; save it again with an image editor."
        )
    return Busy("The process that decodes pictures has ended; try again in a second.")


class _Workers:
    """Those that are free, and how many there may be. Thread-safe; a fork of this process starts its own."""

    def __init__(self) -> None:
        self._turns = threading.BoundedSemaphore(MOST_WORKERS)
        self._free: list[_Worker] = []
        self._owner = os.getpid()

    @contextmanager
    def one(self) -> Iterator[_Worker]:
        """Lend a worker, which is started if none is free.

        Raises:
            Busy: all are at work and stay so, or none can be started.
        """
        if self._owner != os.getpid():
            self.__init__()  # type: ignore[misc]
        if not self._turns.acquire(timeout=PATIENCE_S):
            raise Busy("The pictures being decoded take all turns; try again in a second.")
        worker = None
        try:
            worker = self._taken() or _Worker()
            yield worker
        finally:
            if worker is not None and worker.is_between_pictures:
                self._free.append(worker)
            elif worker is not None:
                worker.end()
            self._turns.release()

    def end(self) -> None:
        """End those that are free."""
        while self._free:
            self._free.pop().end()

    def _taken(self) -> _Worker | None:
        while self._free:
            worker = self._free.pop()
            if worker.is_alive:
                return worker
            worker.end()
        return None


def _file(name: str) -> IO[bytes]:
    """Open a file in memory, where the system has that, which is gone when it is closed and no longer mapped."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create(name, os.MFD_CLOEXEC), "w+b")
    return tempfile.TemporaryFile()


_workers = _Workers()
atexit.register(_workers.end)
