"""Requests on objects that exist: reading, deleting, copying. A lock is held until the store has answered."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack

import aiohttp
from aiohttp import web

from shared.local.storage_proxy.gate import WHOLE_BODY, Gate
from shared.local.storage_proxy.names import ObjectName, check_readable, check_writable
from shared.local.storage_proxy.preconditions import Live, Preconditions
from shared.local.storage_proxy.refusals import Refused
from shared.local.storage_proxy.replies import error_reply, is_short, json_reply, media_reply, mended
from shared.local.storage_proxy.routes import Route
from shared.local.storage_proxy.upstream import end_to_end


async def read_object(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Answer an object's metadata or its bytes, of exactly the generation that was checked.

    The lock is held until the headers are there: by then the store has opened the file, and a newer version is
    another file.
    """
    target = _named(route)
    check_readable(target)
    demands = Preconditions.of(request.query)
    upstream = gate.upstream
    async with AsyncExitStack() as answered:
        async with gate.locks.hold(target):
            answer = await answered.enter_async_context(
                upstream.request(request.method, request.raw_path, end_to_end(request.headers))
            )
            is_whole = is_short(answer) or answer.status >= 400 or _is_metadata(request) or WHOLE_BODY in request
            body = await upstream.read(answer) if is_whole and request.method != "HEAD" else None
        if answer.status >= 400:
            return error_reply(route, answer, body or b"")
        if _is_metadata(request) and body is not None:
            resource = json.loads(body)
            live = Live(int(resource["generation"]), int(resource["metageneration"]))
            demands.check_existing(target, live, reading=True)
            return web.json_response(mended(resource, str(request.url.origin())))
        demands.check_existing(target, _live_from(answer), reading=True)
        return await media_reply(request, upstream, answer, body)


async def delete_object(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Delete an object if it is in the state demanded: 204 without a body, as ``gcloud storage rm`` expects."""
    target = _named(route)
    check_readable(target)
    demands = Preconditions.of(request.query)
    async with gate.locks.hold(target):
        if demands:
            demands.check_existing(target, await gate.upstream.live(target))
        async with gate.upstream.request("DELETE", request.raw_path) as answer:
            if answer.status >= 400:
                return await json_reply(request, route, gate.upstream, answer)
    return web.Response(status=204)


async def copy_object(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Copy or rewrite an object if both ends are in the state demanded; neither changes in between."""
    target, source = _named(route), route.source or _named(route)
    check_writable(target)
    check_readable(source)
    of_source, of_target = Preconditions.of(request.query, of_source=True), Preconditions.of(request.query)
    body = await request.read()
    async with gate.locks.hold(source, target):
        if of_source:
            of_source.check_existing(source, await gate.upstream.live(source))
        if of_target:
            of_target.check_target(await gate.upstream.live(target))
        return await forwarded(request, route, gate, body)


async def write_object(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Forward a request that writes the object its path names: a composition, or a PUT to a signed URL."""
    target = _named(route)
    check_writable(target)
    demands = Preconditions.of(request.query)
    body = await request.read()
    async with gate.locks.hold(target):
        if demands:
            demands.check_target(await gate.upstream.live(target))
        return await forwarded(request, route, gate, body)


async def refuse_change(_request: web.Request, _route: Route, _gate: Gate) -> web.StreamResponse:
    """Refuse to change metadata: the store would give the object a new generation, and events name the old one."""
    raise Refused(
        400,
        "The local object store cannot change an object's metadata without giving it a new generation; "
        "set the metadata with the upload, or rewrite the object.",
    )


async def forwarded(request: web.Request, route: Route, gate: Gate, body: bytes) -> web.StreamResponse:
    """Send a request on as it came, and return the store's answer mended."""
    headers = end_to_end(request.headers)
    headers.pop("Content-Encoding", None)  # aiohttp has decompressed the body
    async with gate.upstream.request(request.method, request.raw_path, headers, body) as answer:
        return await json_reply(request, route, gate.upstream, answer)


def _named(route: Route) -> ObjectName:
    if route.target is None:
        raise Refused(400, "The path names no object.")
    return route.target


def _is_metadata(request: web.Request) -> bool:
    return request.path.startswith("/storage/v1/") and request.query.get("alt") != "media"


def _live_from(answer: aiohttp.ClientResponse) -> Live:
    return Live(int(answer.headers.get("X-Goog-Generation", "0")), 1)
