"""Requests on existing objects: read, delete, and change metadata."""

from __future__ import annotations

from typing import IO

from aiohttp import web

from shared.emulators.storage.bodies import json_in
from shared.emulators.storage.errors import ApiError
from shared.emulators.storage.media import media_answer
from shared.emulators.storage.names import ObjectName
from shared.emulators.storage.preconditions import Preconditions, preconditions_in
from shared.emulators.storage.routes import Route
from shared.emulators.storage.store import Store
from shared.emulators.storage.stored import Stored, facts_from, patched


async def read_object(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Answer with an object's metadata or bytes, of exactly the generation that was checked, live or old."""
    target, preconditions = _target(route), preconditions_in(request.query, request.headers)
    if request.path.startswith("/storage/v1/") and request.query.get("alt") != "media":
        return _shown(request, store.find(target, preconditions, reading=True))
    return await media_answer(request, *_opened(store, target, preconditions))


async def delete_object(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Delete an object if its preconditions hold: 204 without a body, as ``gcloud storage rm`` expects."""
    await store.delete(_target(route), preconditions_in(request.query, request.headers))
    return web.Response(status=204)


async def change_object(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Change an object's metadata: its metageneration grows, its generation stays. PATCH merges, PUT replaces."""
    patch = await json_in(request)
    if request.method == "PUT":
        stored = await store.change(_target(route), Preconditions.of(request.query), lambda _: facts_from(patch))
    else:
        stored = await store.change(
            _target(route), Preconditions.of(request.query), lambda facts: patched(facts, patch)
        )
    return _shown(request, stored)


def _opened(store: Store, target: ObjectName, preconditions: Preconditions) -> tuple[Stored, IO[bytes]]:
    """Find an object and open its bytes; if its file is removed in between, find the object again."""
    while True:
        stored = store.find(target, preconditions, reading=True)
        try:
            return stored, store.files.path(stored.content.file).open("rb")
        except FileNotFoundError as error:
            if store.find(target, preconditions, reading=True) == stored:
                raise ApiError(
                    503, f"The file with the bytes of {target} is missing from the store's folder."
                ) from error


def _shown(request: web.Request, stored: Stored) -> web.Response:
    return web.json_response(stored.resource(str(request.url.origin())))


def _target(route: Route) -> ObjectName:
    if route.target is None:
        raise ApiError(400, "The path must name an object.")
    return route.target
