"""Ports of a local cloud: `up` takes each before anything is started, and its part inherits the socket.

So a port that a part was given is the part's: nobody else can listen on it, also while the part is dead.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

import click
from aiohttp import web

from shared.local.until_signal import run_until_signal

LOOPBACK = "127.0.0.1"
INHERITED = "BUCKETLENS_SOCKET"
"""In a part's environment: the number of the file descriptor of its socket."""
SHUTDOWN_TIMEOUT_S = 2.0


def taken(port: int, host: str = LOOPBACK) -> socket.socket:
    """Take a port, 0 for any that is free; nobody is answered before somebody listens.

    Raises:
        OSError: somebody else has it, or the host is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
        taken.listen(128)
    except BaseException:
        taken.close()
        raise
    return taken


def inherited() -> socket.socket | None:
    """Return the socket that this process was given to listen on, if any."""
    number = os.environ.get(INHERITED)
    return socket.socket(fileno=int(number)) if number else None


def serve(app: web.Application, name: str, port: int, **options: Any) -> None:
    """Serve an application on the inherited socket, or on a port of 127.0.0.1, until a signal comes.

    Args:
        app: what to serve.
        name: of the part, for a person.
        port: where, if no socket was inherited.
        options: of aiohttp's server.

    Raises:
        ClickException: the port is taken.
    """
    given = inherited()

    async def work(stop: asyncio.Event) -> None:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S, **options)
        await runner.setup()
        try:
            await (web.SockSite(runner, given) if given else web.TCPSite(runner, LOOPBACK, port)).start()
            await stop.wait()
        finally:
            await runner.cleanup()

    try:
        run_until_signal(work)
    except OSError as error:
        raise click.ClickException(f"The {name} cannot listen on {LOOPBACK}:{port}: {error.strerror}.") from error
