"""Requests on objects that exist: reading, deleting, copying. A lock is held until the store has answered."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack

import aiohttp
from aiohttp import web

from shared.local.faults.injector import WHOLE_BODY
from shared.local.storage_proxy.gate import Gate
from shared.local.storage_proxy.names import ObjectName, check_readable, check_writable
from shared.local.storage_proxy.preconditions import Live, Preconditions
from shared.local.storage_proxy.refusals import Refused
from shared.local.storage_proxy.replies import error_reply, is_short, json_reply, media_reply, mended
from shared.local.storage_proxy.routes import Route
from shared.local.storage_proxy.upstream import Upstream, end_to_end
from shared.local.storage_proxy.versions import as_version, kept_name, path_of


async def read_object(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Answer an object's metadata or its bytes, of exactly the generation that was checked, live or kept.

    The lock is held until the headers are there: by then the store has opened the file, and a newer version is
    another file.
    """
    target = _named(route)
    check_readable(target)
    demands = Preconditions.of(request.query)
    upstream = gate.upstream
    async with AsyncExitStack() as answered:
        async with gate.locks.hold(target):
            answer, is_old = await _asked(request, request.raw_path, upstream, answered), False
            if answer.status == 404 and demands.generation and await gate.versions.has(target, demands.generation):
                demands.check_old(await upstream.live(target), reading=True)
                answer, is_old = await _asked(request, _kept_path(request, target), upstream, answered), True
            is_whole = is_short(answer) or answer.status >= 400 or _is_metadata(request) or WHOLE_BODY in request
            body = await upstream.read(answer) if is_whole and request.method != "HEAD" else None
        if answer.status >= 400:
            return error_reply(route, answer, body or b"")
        if _is_metadata(request) and body is not None:
            resource = as_version(json.loads(body)) if is_old else json.loads(body)
            live = Live(int(resource["generation"]), int(resource["metageneration"]))
        else:
            resource, live = None, _live_from(answer)
        if not is_old:
            demands.check_existing(target, live, reading=True)
        if resource is not None:
            return web.json_response(mended(resource, str(request.url.origin())))
        return await media_reply(request, upstream, answer, body, demands.generation)


async def delete_object(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Delete an object if it is in the state demanded: 204 without a body, as ``gcloud storage rm`` expects.

    Its version stays, where the bucket keeps versions, unless the request names it.
    """
    target = _named(route)
    check_readable(target)
    demands = Preconditions.of(request.query)
    async with gate.locks.hold(target):
        live = await gate.upstream.live(target)
        if demands.generation and demands.is_of_another(live) and await gate.versions.has(target, demands.generation):
            demands.check_old(live)
            await gate.versions.drop(target, demands.generation)
            return web.Response(status=204)
        demands.check_existing(target, live)
        if demands.generation:
            await gate.versions.drop(target, demands.generation)  # the copy that a kill in a write left
        elif live and await gate.versions.are_kept_in(target.bucket):
            await gate.versions.keep(target, live.generation)
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
        path = request.raw_path
        live = await gate.upstream.live(source) if of_source else None
        if (old := of_source.generation) and of_source.is_of_another(live) and await gate.versions.has(source, old):
            of_source.check_old(live)
            path = _copy_path(request, kept_name(source, old), target)
        elif of_source:
            of_source.check_existing(source, live)
        await gate.prepare_write(target, of_target)
        return await forwarded(request, route, gate, body, path)


async def write_object(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Forward a request that writes the object its path names: a composition, or a PUT to a signed URL."""
    target = _named(route)
    check_writable(target)
    demands = Preconditions.of(request.query)
    body = await request.read()
    async with gate.locks.hold(target):
        await gate.prepare_write(target, demands)
        return await forwarded(request, route, gate, body)


async def refuse_change(_request: web.Request, _route: Route, _gate: Gate) -> web.StreamResponse:
    """Refuse to change metadata: the store would give the object a new generation, and events name the old one."""
    raise Refused(
        400,
        "The local object store cannot change an object's metadata without giving it a new generation; "
        "set the metadata with the upload, or rewrite the object.",
    )


async def forwarded(
    request: web.Request, route: Route, gate: Gate, body: bytes, raw_path: str | None = None
) -> web.Response:
    """Send a request on, as it came or to another path, and return the store's answer mended."""
    headers = end_to_end(request.headers)
    headers.pop("Content-Encoding", None)  # aiohttp has decompressed the body
    async with gate.upstream.request(request.method, raw_path or request.raw_path, headers, body) as answer:
        return await json_reply(request, route, gate.upstream, answer)


def _named(route: Route) -> ObjectName:
    if route.target is None:
        raise Refused(400, "The path names no object.")
    return route.target


async def _asked(
    request: web.Request, path: str, upstream: Upstream, answered: AsyncExitStack
) -> aiohttp.ClientResponse:
    sent = upstream.request(request.method, path, end_to_end(request.headers))
    return await answered.enter_async_context(sent)


def _copy_path(request: web.Request, source: ObjectName, target: ObjectName) -> str:
    is_rewrite = request.raw_path.rfind("/rewriteTo/b/") > request.raw_path.rfind("/copyTo/b/")
    word = "rewriteTo" if is_rewrite else "copyTo"  # their answers differ
    return f"{path_of(source)}/{word}{path_of(target).removeprefix('/storage/v1')}"


def _kept_path(request: web.Request, target: ObjectName) -> str:
    path = path_of(kept_name(target, int(request.query["generation"])))
    return path if _is_metadata(request) else f"{path}?alt=media"


def _is_metadata(request: web.Request) -> bool:
    return request.path.startswith("/storage/v1/") and request.query.get("alt") != "media"


def _live_from(answer: aiohttp.ClientResponse) -> Live:
    return Live(int(answer.headers.get("X-Goog-Generation", "0")), 1)
