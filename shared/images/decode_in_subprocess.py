"""Decode a picture in a subprocess, whose time and memory the operating system limits.

Workers are started with the first such pictures. A worker has loaded only the decoders and takes one picture at a
time. It limits itself before it opens the picture, reports the memory that it needs, waits until there is room, limits
itself to that amount, and decodes (``decode_worker``). A picture that exceeds its limits ends its worker, and the next
picture gets a new one. The file and the pixels are passed in shared memory.

On Windows everything is decoded in the process itself, without these limits. macOS enforces the limits of time and not
those of memory.
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
"""Code that a worker runs, with the module path of this process."""

MAX_WORKERS = 2
"""A worker takes about 40 MiB, of which 20 are its own; two suffice, because a decoder has several threads."""

FREE_WORKER_TIMEOUT_S = 10
"""Longest wait for a free worker."""

RESPONSE_TIMEOUT_S = 900
"""Longer than the time limit of any worker."""

WORKER_BYTES = 16 * MIB
"""Memory of a worker in addition to what its picture needs: its threads' stacks, and what no header declares."""

OUT_OF_MEMORY = 77
"""Exit status of a worker that had no memory left to report that."""

START_DECODING, CANCEL, ORDER = b"g", b"n", b"d"


def decode(content: bytes, max_pixels: int, shrink_to_px: int | None, budget: MemoryBudget) -> Image:
    """Decode a picture in a worker; see ``decode.decode``. Thread-safe.

    Raises:
        Permanent: as ``decode_in_process.decode``.
        TooCostly: decoding took more time or memory than a picture of its size may take.
        DamagedImage: the decoder crashed.
        Busy: there is no room in ``budget``, no free worker, or no worker can be started.
    """
    order = {"max_pixels": max_pixels, "shrink_to_px": shrink_to_px, "capacity_bytes": budget.capacity_bytes}
    with _workers.borrow() as worker, _file("picture") as source_file, _file("pixels") as pixels_file:
        source_file.write(json.dumps(order).encode() + b"\n" + content)
        source_file.flush()
        response = worker.order(source_file, pixels_file)
        if "needs" in response:
            response = worker.decode_when_room(response["needs"], budget)
        if "refused" in response:
            raise getattr(errors, response["refused"])(response["message"])
        height, width = response.pop("shape")
        mapped = mmap.mmap(pixels_file.fileno(), height * width * 3, access=mmap.ACCESS_READ)
        return Image(np.frombuffer(mapped, np.uint8).reshape(height, width, 3), **response)


def too_costly() -> TooCostly:
    """Return the error for a picture that exceeded its time or memory."""
    return TooCostly(
        "Decoding the picture takes more time or memory than a picture of its size may take; save it again with an "
        "image editor."
    )


class _Worker:
    """A worker's process and the socket to it."""

    def __init__(self) -> None:
        self._socket, worker_end = socket.socketpair()
        code = f"import sys; sys.path[:] = {sys.path!r}; {START}"
        command = [sys.executable, "-c", code, str(worker_end.fileno())]
        try:
            with worker_end:
                self._process = subprocess.Popen(command, pass_fds=[worker_end.fileno()], stdin=subprocess.DEVNULL)
        except OSError as error:
            self._socket.close()
            raise Busy("A process to decode the picture cannot be started; try again in a second.") from error
        self._socket.settimeout(RESPONSE_TIMEOUT_S)
        self._lines = self._socket.makefile("rb")
        self.is_between_pictures = True

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def order(self, source_file: IO[bytes], pixels_file: IO[bytes]) -> dict[str, Any]:
        """Send a picture, and return the first response: the memory that it needs, or why it is refused."""
        self.is_between_pictures = False
        with suppress(OSError):  # the worker has ended, and its exit status decides
            socket.send_fds(self._socket, [ORDER], [source_file.fileno(), pixels_file.fileno()])
        response = self._response()
        self.is_between_pictures = "needs" not in response
        return response

    def decode_when_room(self, needed_bytes: int, budget: MemoryBudget) -> dict[str, Any]:
        """Let the worker decode once there is room, and return facts of the pixels, or why the picture is refused."""
        try:
            with budget.room_for(needed_bytes + WORKER_BYTES):
                self._send(START_DECODING)
                response = self._response()
        except Busy:
            if self.is_alive:
                self._send(CANCEL)
                self._response()
                self.is_between_pictures = True
            raise
        self.is_between_pictures = True
        return response

    def end(self) -> None:
        """End the worker, even if it is decoding."""
        self._lines.close()
        self._socket.close()
        if self.is_alive:
            self._process.kill()
        self._process.wait()

    def _send(self, command_byte: bytes) -> None:
        with suppress(OSError):
            self._socket.sendall(command_byte)

    def _response(self) -> dict[str, Any]:
        line = b""
        with suppress(OSError):
            line = self._lines.readline()
        if not line:
            self._socket.close()
            self._process.kill()
            raise _error_for_exit(self._process.wait())
        response: dict[str, Any] = json.loads(line)
        return response


def _error_for_exit(status: int) -> BucketlensError:
    """Return the error for a picture whose worker ended; a negative status is a signal.

    A worker that the clock ended (SIGALRM) had to wait for the processor: otherwise SIGXCPU would have come before.
    """
    if status in (OUT_OF_MEMORY, -signal.SIGXCPU):
        return too_costly()
    if status < 0 and -status not in (signal.SIGKILL, signal.SIGALRM, signal.SIGTERM):
        return DamagedImage(
            "The file begins like an image, but its decoder crashes on it; save it again with an image editor."
        )
    return Busy("The process that decoded the picture has ended; try again in a second.")


class _Workers:
    """The free workers, and a limit of their number. Thread-safe; a fork of this process starts its own."""

    def __init__(self) -> None:
        self._slots = threading.BoundedSemaphore(MAX_WORKERS)
        self._free: list[_Worker] = []
        self._owner = os.getpid()

    @contextmanager
    def borrow(self) -> Iterator[_Worker]:
        """Lend a worker during the block, and start one if none is free.

        Raises:
            Busy: no worker becomes free in time, or none can be started.
        """
        if self._owner != os.getpid():
            self.__init__()  # type: ignore[misc]
        if not self._slots.acquire(timeout=FREE_WORKER_TIMEOUT_S):
            raise Busy("All processes that decode pictures are in use; try again in a second.")
        worker = None
        try:
            worker = self._free_worker() or _Worker()
            yield worker
        finally:
            if worker is not None and worker.is_between_pictures:
                self._free.append(worker)
            elif worker is not None:
                worker.end()
            self._slots.release()

    def end(self) -> None:
        """End the free workers."""
        while self._free:
            self._free.pop().end()

    def _free_worker(self) -> _Worker | None:
        while self._free:
            worker = self._free.pop()
            if worker.is_alive:
                return worker
            worker.end()
        return None


def _file(name: str) -> IO[bytes]:
    """Open a file in memory, or a temporary file, that is gone when it is closed and no longer mapped."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create(name, os.MFD_CLOEXEC), "w+b")
    return tempfile.TemporaryFile()


_workers = _Workers()
atexit.register(_workers.end)
