"""Objects made of others: copies, which share the file of their bytes, and compositions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from shared.emulators.storage.bodies import json_in
from shared.emulators.storage.errors import ApiError
from shared.emulators.storage.media import CHUNK_BYTES
from shared.emulators.storage.names import ObjectName, check_writable
from shared.emulators.storage.preconditions import Preconditions
from shared.emulators.storage.routes import Route
from shared.emulators.storage.store import Store
from shared.emulators.storage.stored import Facts, Stored, facts_from

MOST_PARTS = 32


async def copy_object(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Copy or rewrite an object if both ends are in the state demanded; neither changes in between."""
    source, target = route.source, route.target
    if source is None or target is None:
        raise ApiError(400, "The path names no object to copy, or none to make.")
    check_writable(target)
    facts = _own(await json_in(request))
    of_source, of_target = Preconditions.of(request.query, of_source=True), Preconditions.of(request.query)
    stored = await store.copy(source, of_source, target, of_target, facts)
    resource, size = stored.resource(str(request.url.origin())), str(stored.content.size)
    if request.raw_path.rfind("/rewriteTo/b/") < request.raw_path.rfind("/copyTo/b/"):
        return web.json_response(resource)
    told = {"kind": "storage#rewriteResponse", "totalBytesRewritten": size, "objectSize": size, "done": True}
    return web.json_response({**told, "resource": resource})


async def compose_object(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Make an object of the bytes of up to 32 others, in their order, each in the state that is demanded of it."""
    target = route.target
    if target is None:
        raise ApiError(400, "The path names no object.")
    check_writable(target)
    wanted = await json_in(request)
    named = wanted.get("sourceObjects")
    if not isinstance(named, list) or not 1 <= len(named) <= MOST_PARTS:
        raise ApiError(400, f"A composition takes 1 to {MOST_PARTS} sourceObjects.")
    demands = Preconditions.of(request.query)
    parts = [_part(store, target.bucket, one) for one in named]
    facts = facts_from(wanted.get("destination") or {})
    if "contentType" not in facts and (kind := parts[0].facts.get("contentType")):
        facts["contentType"] = kind
    incoming = await store.files.write(_joined(store, parts))
    content = await incoming.finish()
    composed = type(content)(content.file, content.size, content.crc32c, None)
    stored = await store.put(target, demands, facts, composed, sum(part.components or 1 for part in parts))
    return web.json_response(stored.resource(str(request.url.origin())))


def _part(store: Store, bucket: str, named: object) -> Stored:
    if not isinstance(named, dict) or not isinstance(named.get("name"), str):
        raise ApiError(400, "Each of sourceObjects needs the name of an object.")
    query = {"generation": named.get("generation"), **(named.get("objectPreconditions") or {})}
    demands = Preconditions.of({key: str(value) for key, value in query.items() if value is not None})
    return store.found(ObjectName(bucket, named["name"]), demands)


async def _joined(store: Store, parts: list[Stored]) -> AsyncIterator[bytes]:
    for part in parts:
        try:
            with store.files.path(part.content.file).open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
        except FileNotFoundError as error:
            raise ApiError(404, f"{part.target} was removed while it was composed.") from error


def _own(said: dict[str, Any]) -> Facts:
    """Return what a copy shall have instead of its source's; nothing where the request says nothing of it."""
    return {name: value for name, value in facts_from(said).items() if name != "storageClass"}
