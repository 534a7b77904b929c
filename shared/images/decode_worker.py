"""The worker of ``decode_in_subprocess``, which decodes one picture after the other within limits.

The worker limits itself before it opens a picture, and again before it decodes it, by what the picture needs: memory
with ``RLIMIT_DATA``, processor time with ``RLIMIT_CPU``, elapsed time with an alarm. The signals of the latter two end
the process even inside a native decoder. No limit needs privileges.
"""

from __future__ import annotations

import ctypes
import gc
import json
import mmap
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pillow_heif
from PIL import AvifImagePlugin

from shared.errors import Busy, Permanent
from shared.images import decode_in_process
from shared.images.decode_in_subprocess import ORDER, OUT_OF_MEMORY, START_DECODING, WORKER_BYTES, too_costly
from shared.images.memory_budget import MIB, configure_malloc

THREADS = 4
"""Threads of a decoder."""

STACK_BYTES = 1 * MIB
"""Stack of each thread; the system counts a whole stack, however little of it is used."""

CPU_S = 5
"""Processor time for any picture."""

BYTES_PER_S = 8 * MIB
"""Bytes of a picture's memory for which it gets one more second: a picture of 12 megapixels gets half a minute, and
takes two seconds at most."""

CLOCK_FACTOR = 5
"""Elapsed time of a picture, as a multiple of its processor time, for when it has to wait for other processes."""

COPIES_OF_A_FILE = 3
"""The decoder's, Pillow's and our copy."""


class _Cancelled(Exception):
    """The host has no room for the picture and cancelled it."""


def main(control_fd: int) -> None:
    """Decode each picture that arrives at a socket, until the socket's other end is closed."""
    for signal_number in (signal.SIGINT, signal.SIGTERM):  # the host handles them, and its end ends the worker
        signal.signal(signal_number, signal.SIG_IGN)
    configure_malloc()
    _limit_threads()
    gc.freeze()
    host = socket.socket(fileno=control_fd)
    while True:
        command_byte, files, _, _ = socket.recv_fds(host, 1, 2)
        if command_byte != ORDER:
            return
        source_fd, pixels_fd = files
        try:
            _send(host, _decode_one(host, source_fd, pixels_fd))
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        finally:
            os.close(source_fd)
            os.close(pixels_fd)


def _decode_one(host: socket.socket, source_fd: int, pixels_fd: int) -> dict[str, Any]:
    with mmap.mmap(source_fd, 0, access=mmap.ACCESS_READ) as mapped:
        order, content = json.loads(mapped.readline()), mapped.read()
    room = _RoomAtHost(host, order["capacity_bytes"])
    _limit(COPIES_OF_A_FILE * len(content))
    try:
        image = decode_in_process.decode(content, order["max_pixels"], order["shrink_to_px"], room)
        _write(pixels_fd, np.ascontiguousarray(image.pixels))
    except Permanent as error:
        return {"refused": type(error).__name__, "message": str(error)}
    except Busy:  # the limit is this picture's alone, so no other picture is the cause
        return {"refused": "TooCostly", "message": str(too_costly())}
    except _Cancelled:
        return {}
    finally:
        _lift_limits()
    return {
        "shape": image.pixels.shape[:2],
        "format": image.format,
        "width_px": image.width_px,
        "height_px": image.height_px,
        "orientation": image.orientation,
        "note": image.note,
    }


def _write(pixels_fd: int, pixels: np.ndarray[Any, Any]) -> None:
    remaining = pixels.data.cast("B")
    while len(remaining):
        remaining = remaining[os.write(pixels_fd, remaining) :]


class _RoomAtHost:
    """The host's memory budget, seen from a worker."""

    def __init__(self, host: socket.socket, capacity_bytes: int) -> None:
        self._host = host
        self.capacity_bytes = capacity_bytes

    @contextmanager
    def room_for(self, needed_bytes: int) -> Iterator[None]:
        """Request room from the host, wait for it, and limit this process to it."""
        if needed_bytes:
            signal.setitimer(signal.ITIMER_REAL, 0)
            _send(self._host, {"needs": needed_bytes})
            if self._host.recv(1) != START_DECODING:
                raise _Cancelled
            _limit(needed_bytes)
        yield


def _limit(more_bytes: int) -> None:
    """Limit this process to ``more_bytes`` in addition to its memory, and to the time that follows from them."""
    cpu_s = CPU_S + more_bytes // BYTES_PER_S
    used = resource.getrusage(resource.RUSAGE_SELF)
    _set_limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + cpu_s)
    signal.setitimer(signal.ITIMER_REAL, CLOCK_FACTOR * cpu_s)
    if sys.platform == "linux":
        _set_limit(resource.RLIMIT_DATA, _private_bytes() + more_bytes + WORKER_BYTES)


def _lift_limits() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    for resource_id in (resource.RLIMIT_CPU, resource.RLIMIT_DATA):
        _set_limit(resource_id, resource.RLIM_INFINITY)


def _set_limit(resource_id: int, limit: int) -> None:
    """Set a soft limit, which this process may raise again; never above the hard limit."""
    _, hard = resource.getrlimit(resource_id)
    fits = hard == resource.RLIM_INFINITY or (limit != resource.RLIM_INFINITY and limit <= hard)
    resource.setrlimit(resource_id, (limit if fits else hard, hard))


def _private_bytes() -> int:
    """Return the bytes that the kernel counts against RLIMIT_DATA (proc(5), getrlimit(2))."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")), 256 * MIB)


def _limit_threads() -> None:
    pillow_heif.options.DECODE_THREADS = THREADS
    AvifImagePlugin.DEFAULT_MAX_THREADS = min(THREADS, os.cpu_count() or 1)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "pthread_setattr_default_np"):  # glibc; musl's stacks are small
        attributes = ctypes.create_string_buffer(256)
        libc.pthread_attr_init(attributes)
        libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(STACK_BYTES))
        libc.pthread_setattr_default_np(attributes)


def _send(host: socket.socket, message: dict[str, Any]) -> None:
    host.sendall(json.dumps(message).encode() + b"\n")
