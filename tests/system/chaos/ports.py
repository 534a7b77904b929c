"""TCP ports that no other process takes while a part of the cloud is dead."""

from __future__ import annotations

import random
import socket

from shared.local.cloud import HOST, PREFERRED_PORTS

BELOW_EPHEMERAL = range(20_000, 32_000)
"""No system gives these to outgoing connections by itself: Linux begins at 32,768, macOS at 49,152."""


def own_ports() -> dict[str, int]:
    """Return a free port for each part, drawn at random: a cloud that starts at the same time draws others."""
    chance = random.SystemRandom()
    drawn = chance.sample(BELOW_EPHEMERAL, 20 * len(PREFERRED_PORTS))
    free = (port for port in drawn if _is_free(port))
    return {part: next(free) for part in PREFERRED_PORTS}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
