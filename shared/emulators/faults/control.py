"""The paths under ``/_bucketlens/`` by which a test sets faults and reads the record.

::

    POST   faults               set one, given as JSON (the fields of ``fault.Fault``)
    GET    faults               those that are set, each with ``number`` and how often it has ``struck``
    DELETE faults[?number=3]    remove one, or all; requests that it holds go on
    GET    requests[?since=17]  the last 10,000 (the fields of ``record.Record``), those on their way too
    DELETE requests             forget them
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click
from aiohttp import web

from shared.emulators.faults.injector import PREFIX, Injector, Service

C = TypeVar("C", bound=Callable[..., Any])


def add_control(app: web.Application, injector: Injector) -> None:
    """Add the paths to an application; call it before whatever else would match them."""
    control = _Control(injector)
    for name, handler in (("faults", control.faults), ("requests", control.requests)):
        app.router.add_route("*", PREFIX + name, handler)


def fault_options(command: C) -> C:
    """Give a command ``--faults`` and ``--seed``."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    help = f"JSON: a list of faults to start with, as POST {PREFIX}faults takes them."
    seeded = click.option("--seed", type=int, help="Makes the faults with a probability the same on every run.")
    return click.option("--faults", "faults_file", type=file, help=help)(seeded(command))


def injector_from(service: Service, faults_file: Path | None, seed: int | None) -> Injector:
    """Return an injector with the faults of a file.

    Raises:
        ClickException: it is no list of faults.
    """
    injector = Injector(service, seed)
    try:
        for wanted in json.loads(faults_file.read_text("utf-8")) if faults_file else []:
            injector.faults.add(wanted)
    except (OSError, ValueError, TypeError) as error:
        raise click.ClickException(f"{faults_file} is no list of faults: {error}") from error
    return injector


class _Control:
    def __init__(self, injector: Injector) -> None:
        self._injector = injector

    async def faults(self, request: web.Request) -> web.Response:
        faults = self._injector.faults
        try:
            if request.method == "POST":
                faults.add(await _object(request))
            elif request.method == "DELETE":
                number = request.query.get("number")
                faults.remove(None if number is None else int(number))
            elif request.method != "GET":
                return self._unknown(request)
        except ValueError as error:
            return self._injector.service.error(400, str(error), None)
        return web.json_response(faults.listed())

    async def requests(self, request: web.Request) -> web.Response:
        records = self._injector.records
        if request.method == "DELETE":
            records.clear()
        elif request.method != "GET":
            return self._unknown(request)
        try:
            since = int(request.query.get("since", "0"))
        except ValueError as error:
            return self._injector.service.error(400, f"since is no number: {error}", None)
        return web.json_response([asdict(record) for record in records.since(since)])

    def _unknown(self, request: web.Request) -> web.Response:
        return self._injector.service.error(404, f"There is no {request.method} {request.path}.", None)


async def _object(request: web.Request) -> dict[str, Any]:
    # A page in a browser cannot send this type to us unasked: no page sets faults.
    if request.content_type != "application/json":
        raise ValueError("A fault is a JSON object; send it with Content-Type: application/json.")
    content = await request.json()
    if not isinstance(content, dict):
        raise ValueError(f"A fault is a JSON object, not {content!r}.")  # noqa: TRY004 - answered with 400
    return content
