"""Serve an application on loopback until a signal arrives."""

from __future__ import annotations

import asyncio
from typing import Any

import click
from aiohttp import web

from shared.emulators.loopback.sockets import LOOPBACK, inherited_socket
from shared.emulators.loopback.until_signal import run_until_signal

SHUTDOWN_TIMEOUT_S = 2.0


def serve(app: web.Application, name: str, port: int, descriptor: int | None, **options: Any) -> None:
    """Serve an application on an inherited socket, or on a port of 127.0.0.1.

    Args:
        app: the application.
        name: the server's name in error messages.
        port: the port without an inherited socket.
        descriptor: file descriptor of the inherited socket, or None.
        options: options of aiohttp's server.

    Raises:
        ClickException: the port is taken.
    """
    listener = inherited_socket(descriptor)

    async def work(stop: asyncio.Event) -> None:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S, **options)
        await runner.setup()
        try:
            await (web.SockSite(runner, listener) if listener else web.TCPSite(runner, LOOPBACK, port)).start()
            await stop.wait()
        finally:
            await runner.cleanup()

    try:
        run_until_signal(work)
    except OSError as error:
        raise click.ClickException(f"The {name} cannot listen on {LOOPBACK}:{port}: {error.strerror}.") from error
