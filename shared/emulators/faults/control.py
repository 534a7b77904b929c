"""The paths under ``/_bucketlens/`` by which a test sets faults and reads the record of requests.

::

    POST   faults               set a fault, as JSON (the fields of ``fault.Fault``)
    GET    faults               the faults, each with its ``number`` and how often it has ``struck``
    DELETE faults[?number=3]    remove a fault, or all; requests that it holds continue
    GET    requests[?since=17]  the last 10,000 requests (the fields of ``record.Record``), also unanswered ones
    DELETE requests             clear the record
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
    """Add the paths to an application; call it before other routes that match them."""
    control = _Control(injector)
    for name, handler in (("faults", control.faults), ("requests", control.requests)):
        app.router.add_route("*", PREFIX + name, handler)


def fault_options(command: C) -> C:
    """Add the options ``--faults`` and ``--seed`` to a command."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    help = f"JSON: a list of faults to start with, as for POST {PREFIX}faults."
    seeded = click.option("--seed", type=int, help="Makes the faults with a probability the same on every run.")
    return click.option("--faults", "faults_file", type=file, help=help)(seeded(command))


def injector_from(service: Service, faults_file: Path | None, seed: int | None) -> Injector:
    """Return an injector with the faults of a file.

    Raises:
        ClickException: the file is not a list of faults.
    """
    injector = Injector(service, seed)
    try:
        for document in json.loads(faults_file.read_text("utf-8")) if faults_file else []:
            injector.faults.add(document)
    except (OSError, ValueError, TypeError) as error:
        raise click.ClickException(f"{faults_file} is not a list of faults: {error}") from error
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
            return self._injector.service.error(400, f"since is not a whole number: {error}", None)
        return web.json_response([asdict(record) for record in records.since(since)])

    def _unknown(self, request: web.Request) -> web.Response:
        return self._injector.service.error(404, f"{request.method} {request.path} does not exist.", None)


async def _object(request: web.Request) -> dict[str, Any]:
    # A page in a browser cannot send this type without a preflight request, so no page can set faults.
    if request.content_type != "application/json":
        raise ValueError("A fault is a JSON object; send it with Content-Type: application/json.")
    content = await request.json()
    if not isinstance(content, dict):
        raise ValueError(f"A fault is a JSON object, not {content!r}.")  # noqa: TRY004 - answered with 400
    return content
