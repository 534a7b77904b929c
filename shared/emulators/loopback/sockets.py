"""Take ports and pass their sockets to servers: a parent takes each port before it starts the server.

No other program can listen on such a port, even while its server is not running.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, TypeVar

import click

C = TypeVar("C", bound=Callable[..., Any])
LOOPBACK = "127.0.0.1"


def take_port(port: int, host: str = LOOPBACK) -> socket.socket:
    """Take a port, 0 for any that is free, and listen on it.

    It listens since, on Linux, two sockets can be bound to a port while neither listens.

    Raises:
        OSError: another program has the port, or the host is not an address of this machine.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        # Without it, a restart within a minute fails because of its own old connections.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


def socket_option(command: C) -> C:
    """Add the option ``--socket`` to a command: the descriptor of a listening socket, or None."""
    help = "File descriptor of an inherited socket that listens on the port."
    return click.option("--socket", "descriptor", type=click.IntRange(3), help=help)(command)


def inherited_socket(descriptor: int | None) -> socket.socket | None:
    """Return the socket of an inherited descriptor, or None without one."""
    return None if descriptor is None else socket.socket(fileno=descriptor)
