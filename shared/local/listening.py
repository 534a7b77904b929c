"""Serves a part of a local cloud until a signal comes."""

from __future__ import annotations

from typing import Any

import click
from aiohttp import web

from shared.local.sockets import LOOPBACK, given

SHUTDOWN_TIMEOUT_S = 2.0


def serve(app: web.Application, name: str, port: int, descriptor: int | None, **options: Any) -> None:
    """Serve an application on a socket that was given, or on a port of 127.0.0.1.

    Args:
        app: what to serve.
        name: of the part, for a person.
        port: where, if no socket was given.
        descriptor: of the socket.
        options: of aiohttp's server.

    Raises:
        ClickException: the port is taken.
    """
    listens = given(descriptor)
    place: dict[str, Any] = {"sock": listens} if listens else {"host": LOOPBACK, "port": port}
    try:
        web.run_app(app, print=None, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S, **place, **options)
    except OSError as error:
        raise click.ClickException(f"The {name} cannot listen on {LOOPBACK}:{port}: {error.strerror}.") from error
