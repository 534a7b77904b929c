"""Objects made from other objects: copies, which share the file of their bytes, and compositions."""

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
    """Copy or rewrite an object if the preconditions of source and target hold, in one transaction."""
    source, target = route.source, route.target
    if source is None or target is None:
        raise ApiError(400, "The path must name the object to copy and the new object.")
    check_writable(target)
    facts = _facts_of_copy(await json_in(request))
    source_preconditions, target_preconditions = (
        Preconditions.of(request.query, of_source=True),
        Preconditions.of(request.query),
    )
    stored = await store.copy(source, source_preconditions, target, target_preconditions, facts)
    resource, size = stored.resource(str(request.url.origin())), str(stored.content.size)
    if request.raw_path.rfind("/rewriteTo/b/") < request.raw_path.rfind("/copyTo/b/"):
        return web.json_response(resource)
    progress = {"kind": "storage#rewriteResponse", "totalBytesRewritten": size, "objectSize": size, "done": True}
    return web.json_response({**progress, "resource": resource})


async def compose_object(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Concatenate the bytes of up to 32 objects to a new one, if the preconditions of all hold."""
    target = route.target
    if target is None:
        raise ApiError(400, "The path must name an object.")
    check_writable(target)
    document = await json_in(request)
    sources = document.get("sourceObjects")
    if not isinstance(sources, list) or not 1 <= len(sources) <= MOST_PARTS:
        raise ApiError(400, f"A composition needs 1 to {MOST_PARTS} sourceObjects.")
    preconditions = Preconditions.of(request.query)
    parts = [_part(store, target.bucket, source) for source in sources]
    facts = facts_from(document.get("destination") or {})
    if "contentType" not in facts and (kind := parts[0].facts.get("contentType")):
        facts["contentType"] = kind
    incoming = await store.files.write(_joined(store, parts))
    content = await incoming.finish()
    composed = type(content)(content.file, content.size, content.crc32c, None)
    stored = await store.put(target, preconditions, facts, composed, sum(part.components or 1 for part in parts))
    return web.json_response(stored.resource(str(request.url.origin())))


def _part(store: Store, bucket: str, source: object) -> Stored:
    if not isinstance(source, dict) or not isinstance(source.get("name"), str):
        raise ApiError(400, "Each of sourceObjects needs the name of an object.")
    query = {"generation": source.get("generation"), **(source.get("objectPreconditions") or {})}
    preconditions = Preconditions.of({key: str(value) for key, value in query.items() if value is not None})
    return store.find(ObjectName(bucket, source["name"]), preconditions)


async def _joined(store: Store, parts: list[Stored]) -> AsyncIterator[bytes]:
    for part in parts:
        try:
            with store.files.path(part.content.file).open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
        except FileNotFoundError as error:
            raise ApiError(404, f"{part.target} was removed during the composition.") from error


def _facts_of_copy(document: dict[str, Any]) -> Facts:
    """Return the facts that a copy gets instead of its source's; empty if the request has none."""
    return {name: value for name, value in facts_from(document).items() if name != "storageClass"}
