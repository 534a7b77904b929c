"""Ports of a local cloud: `up` takes each before anything is started, and its part is given the socket.

So a port that a part was given is the part's: nobody else can listen on it, also while the part is dead.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, TypeVar

import click

C = TypeVar("C", bound=Callable[..., Any])
LOOPBACK = "127.0.0.1"


def taken(port: int, host: str = LOOPBACK) -> socket.socket:
    """Take a port, 0 for any that is free. It listens at once: on Linux a port that is only bound can be had twice.

    Raises:
        OSError: somebody else has it, or the host is none of this machine's.
    """
    taken = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        # Without it, a restart within a minute would find its own old connections in the way.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
        taken.listen(128)
    except BaseException:
        taken.close()
        raise
    return taken


def socket_option(command: C) -> C:
    """Give a command ``--socket``: the descriptor of a socket that listens already, or None."""
    help = "Descriptor of an inherited socket that listens at the port."
    return click.option("--socket", "descriptor", type=click.IntRange(3), help=help)(command)


def given(descriptor: int | None) -> socket.socket | None:
    """Return the socket that this process was given, if any."""
    return None if descriptor is None else socket.socket(fileno=descriptor)
