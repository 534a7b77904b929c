"""Requests on objects that exist: reading them, deleting them, and changing what is said of them."""

from __future__ import annotations

from typing import IO

from aiohttp import web

from shared.emulators.storage.bodies import json_in
from shared.emulators.storage.errors import ApiError
from shared.emulators.storage.media import media_answer
from shared.emulators.storage.names import ObjectName
from shared.emulators.storage.preconditions import Preconditions, demands_in
from shared.emulators.storage.routes import Route
from shared.emulators.storage.store import Store
from shared.emulators.storage.stored import Stored, changed, facts_from


async def read_object(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Answer an object's metadata or its bytes, of exactly the generation that was checked, live or old."""
    target, demands = _named(route), demands_in(request.query, request.headers)
    if request.path.startswith("/storage/v1/") and request.query.get("alt") != "media":
        return _shown(request, store.found(target, demands, reading=True))
    return await media_answer(request, *_opened(store, target, demands))


async def delete_object(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Delete an object if it is in the state demanded: 204 without a body, as ``gcloud storage rm`` expects."""
    await store.delete(_named(route), demands_in(request.query, request.headers))
    return web.Response(status=204)


async def change_object(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Change an object's metadata: its metageneration grows, its generation stays. PATCH merges, PUT replaces."""
    said = await json_in(request)
    if request.method == "PUT":
        stored = await store.change(_named(route), Preconditions.of(request.query), lambda _: facts_from(said))
    else:
        stored = await store.change(_named(route), Preconditions.of(request.query), lambda facts: changed(facts, said))
    return _shown(request, stored)


def _opened(store: Store, target: ObjectName, demands: Preconditions) -> tuple[Stored, IO[bytes]]:
    """Find an object and open its bytes; what is removed in between is looked for again."""
    while True:
        stored = store.found(target, demands, reading=True)
        try:
            return stored, store.files.path(stored.content.file).open("rb")
        except FileNotFoundError as error:
            if store.found(target, demands, reading=True) == stored:
                raise ApiError(
                    503, f"The file with the bytes of {target} is missing from the store's folder."
                ) from error


def _shown(request: web.Request, stored: Stored) -> web.Response:
    return web.json_response(stored.resource(str(request.url.origin())))


def _named(route: Route) -> ObjectName:
    if route.target is None:
        raise ApiError(400, "The path names no object.")
    return route.target
