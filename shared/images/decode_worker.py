"""A worker of ``decode_apart``: it has loaded the decoders, and decodes one picture after the other within limits.

It limits itself before it opens a picture, and again, by what the picture needs, before it decodes it: memory by
``RLIMIT_DATA``, the processor's time by ``RLIMIT_CPU``, the clock's by an alarm. The signals of the latter two end the
process, whatever a native decoder is doing. Nothing of it needs privileges.
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
from shared.images import decode_here
from shared.images.decode_apart import GO, ORDER, OUT_OF_MEMORY, WORKER_BYTES, too_costly
from shared.images.memory_budget import MIB, return_what_is_freed

THREADS = 4
"""Of a decoder."""

STACK_BYTES = 1 * MIB
"""Of each of them; the system counts a stack whole, however little of it is used."""

CPU_S = 5
"""Of the processor's time, for any picture."""

BYTES_PER_S = 8 * MIB
"""And a second more for each of these that it needs: a picture of 12 megapixels gets half a minute, and takes two
seconds at most."""

CLOCK_FACTOR = 5
"""How much longer than its processor's time a picture may last, where neighbours keep it waiting."""

COPIES_OF_A_FILE = 3
"""The decoder's, Pillow's and ours."""


class _NotWanted(Exception):
    """There was no room for the picture."""


def main(control_fd: int) -> None:
    """Decode each picture that comes over a socket, until its other end is closed."""
    for each in (signal.SIGINT, signal.SIGTERM):  # whoever started it ends, and then it does
        signal.signal(each, signal.SIG_IGN)
    return_what_is_freed()
    _limit_threads()
    gc.freeze()
    host = socket.socket(fileno=control_fd)
    while True:
        word, files, _, _ = socket.recv_fds(host, 1, 2)
        if word != ORDER:
            return
        given, taken = files
        try:
            _say(host, _outcome(host, given, taken))
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        finally:
            os.close(given)
            os.close(taken)


def _outcome(host: socket.socket, given: int, taken: int) -> dict[str, Any]:
    with mmap.mmap(given, 0, access=mmap.ACCESS_READ) as mapped:
        order, content = json.loads(mapped.readline()), mapped.read()
    room = _RoomAtHost(host, order["capacity_bytes"])
    _limit(COPIES_OF_A_FILE * len(content))
    try:
        image = decode_here.decode(content, order["max_pixels"], order["shrink_to_px"], room)
        _write(taken, np.ascontiguousarray(image.pixels))
    except Permanent as error:
        return {"refused": type(error).__name__, "message": str(error)}
    except Busy:  # it is alone with its limit, so this is no neighbour's doing
        return {"refused": "TooCostly", "message": str(too_costly())}
    except _NotWanted:
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


def _write(taken: int, pixels: np.ndarray[Any, Any]) -> None:
    rest = pixels.data.cast("B")
    while len(rest):
        rest = rest[os.write(taken, rest) :]


class _RoomAtHost:
    """The budget of the process that asked, seen from a worker."""

    def __init__(self, host: socket.socket, capacity_bytes: int) -> None:
        self._host = host
        self.capacity_bytes = capacity_bytes

    @contextmanager
    def room_for(self, needed_bytes: int) -> Iterator[None]:
        """Ask for room, and wait; then limit this process to it."""
        if needed_bytes:
            signal.setitimer(signal.ITIMER_REAL, 0)
            _say(self._host, {"needs": needed_bytes})
            if self._host.recv(1) != GO:
                raise _NotWanted
            _limit(needed_bytes)
        yield


def _limit(more_bytes: int) -> None:
    """Allow this process so much more memory than it has, and time by it."""
    cpu_s = CPU_S + more_bytes // BYTES_PER_S
    used = resource.getrusage(resource.RUSAGE_SELF)
    _set_limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + cpu_s)
    signal.setitimer(signal.ITIMER_REAL, CLOCK_FACTOR * cpu_s)
    if sys.platform == "linux":
        _set_limit(resource.RLIMIT_DATA, _private_bytes() + more_bytes + WORKER_BYTES)


def _lift_limits() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    for which in (resource.RLIMIT_CPU, resource.RLIMIT_DATA):
        _set_limit(which, resource.RLIM_INFINITY)


def _set_limit(which: int, most: int) -> None:
    """Set a limit that this process may raise again; never above the one that was set for it."""
    _, hard = resource.getrlimit(which)
    fits = hard == resource.RLIM_INFINITY or (most != resource.RLIM_INFINITY and most <= hard)
    resource.setrlimit(which, (most if fits else hard, hard))


def _private_bytes() -> int:
    """Return what the kernel counts against RLIMIT_DATA (proc(5), getrlimit(2))."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")), 256 * MIB)


def _limit_threads() -> None:
    pillow_heif.options.DECODE_THREADS = THREADS
    AvifImagePlugin.DEFAULT_MAX_THREADS = min(THREADS, os.cpu_count() or 1)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "pthread_setattr_default_np"):  # glibc; musl's stacks are small as they are
        attributes = ctypes.create_string_buffer(256)
        libc.pthread_attr_init(attributes)
        libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(STACK_BYTES))
        libc.pthread_setattr_default_np(attributes)


def _say(host: socket.socket, what: dict[str, Any]) -> None:
    host.sendall(json.dumps(what).encode() + b"\n")
