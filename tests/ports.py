"""TCP ports for tests that run in parallel, in this session or in another worker of it."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket

from shared.local.cloud import PREFERRED_PORTS

HOST = "127.0.0.1"
FIRST, OF_A_WORKER = 20_000, 2_000
"""The first of the ports, below those that systems assign by themselves (from 32,768 on Linux); a range per worker."""

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw") or 0) % 6
_offsets = itertools.count(os.getpid())  # so that two sessions in parallel begin at different ports


def free_port() -> int:
    """Return a port on which no process listens, and that no other test gets meanwhile."""
    for offset in itertools.islice(_offsets, OF_A_WORKER):
        port = FIRST + _worker * OF_A_WORKER + offset % OF_A_WORKER
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise OSError(f"No port from {FIRST} on is free on {HOST}.")


def hold_preferred_ports() -> list[socket.socket]:
    """Take the ports that every local cloud prefers, until the sockets are closed, so that no two clouds meet there."""
    held = []
    for port in PREFERRED_PORTS.values():
        owner = socket.socket()
        try:
            owner.bind((HOST, port))
            owner.listen()
            held.append(owner)
        except OSError:  # another worker or process has it
            owner.close()
    return held
