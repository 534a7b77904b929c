"""Requests on buckets. Of what they can be told, keeping versions is done; the rest is accepted and not done."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from shared.local.storage_proxy.gate import Gate
from shared.local.storage_proxy.names import HIDDEN_BUCKET, check_bucket
from shared.local.storage_proxy.objects import forwarded
from shared.local.storage_proxy.refusals import Refused, error_answer
from shared.local.storage_proxy.replies import json_reply
from shared.local.storage_proxy.routes import Route


async def create_bucket(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Create a bucket; the store answers 500 to one that shall keep versions, so the proxy does that itself."""
    wanted = await _wanted(request)
    name = str(wanted.get("name") or "")
    check_bucket(name)
    versioning = wanted.pop("versioning", None)
    reply = await forwarded(request, Route(route.action, name), gate, json.dumps(wanted).encode())
    if reply.status >= 400:
        return reply
    await gate.versions.set_kept_in(name, _is_enabled(versioning))
    return await _told(reply, gate)


async def read_bucket(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Answer a bucket's metadata."""
    return await _told(await forwarded(request, route, gate, b""), gate)


async def list_buckets(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Answer the metadata of all buckets but the one that is not for clients."""
    reply = await forwarded(request, route, gate, b"")
    if reply.status >= 400:
        return reply
    listed = json.loads(reply.text or "{}")
    buckets = [await _with_versioning(item, gate) for item in listed.get("items", []) if item["name"] != HIDDEN_BUCKET]
    return web.json_response({**listed, "items": buckets})


async def change_bucket(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Make a bucket keep versions or stop, and answer it as it is; nothing else about it can be changed."""
    wanted = await _wanted(request)
    async with gate.upstream.request("GET", f"/storage/v1/b/{route.bucket}") as answer:
        reply = await json_reply(request, route, gate.upstream, answer)
    if reply.status < 400 and "versioning" in wanted:
        await gate.versions.set_kept_in(route.bucket or "", _is_enabled(wanted["versioning"]))
    return await _told(reply, gate)


async def tell_of_folders(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Answer that a bucket's names are flat and that it has no managed folders; ``gcloud storage rm -r`` asks."""
    if request.path.endswith("/managedFolders"):
        return web.json_response({"kind": "storage#managedFolders", "items": []})
    async with gate.upstream.request("GET", f"/storage/v1/b/{route.bucket}") as answer:
        if answer.status >= 400:
            return await json_reply(request, route, gate.upstream, answer)
        bucket = json.loads(await gate.upstream.read(answer))
    facts = {name: bucket[name] for name in ("location", "locationType")}
    flat = {"kind": "storage#storageLayout", "bucket": route.bucket, "hierarchicalNamespace": {"enabled": False}}
    return web.json_response({**flat, **facts})


async def delete_bucket(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Delete an empty bucket; of one that has objects or versions, say 409 as Cloud Storage does, not 412."""
    name = route.bucket or ""
    if await gate.versions.of(name):
        return _not_empty()
    async with gate.upstream.request("DELETE", request.raw_path) as answer:
        if answer.status == 412:
            return _not_empty()
        if answer.status >= 400:
            return await json_reply(request, route, gate.upstream, answer)
    await gate.versions.set_kept_in(name, False)
    return web.Response(status=204)


async def _wanted(request: web.Request) -> dict[str, Any]:
    try:
        wanted = json.loads(await request.read() or b"{}")
    except ValueError as error:
        raise Refused(400, f"A bucket's metadata must be JSON: {error}") from error
    if not isinstance(wanted, dict):
        raise Refused(400, "A bucket's metadata must be a JSON object.")
    return wanted


def _is_enabled(versioning: object) -> bool:
    return isinstance(versioning, dict) and versioning.get("enabled") is True


async def _told(reply: web.Response, gate: Gate) -> web.Response:
    """Put into an answer whether its bucket keeps versions."""
    if reply.status >= 400:
        return reply
    return web.json_response(await _with_versioning(json.loads(reply.text or "{}"), gate))


async def _with_versioning(bucket: dict[str, Any], gate: Gate) -> dict[str, Any]:
    return {**bucket, "versioning": {"enabled": await gate.versions.are_kept_in(bucket["name"])}}


def _not_empty() -> web.Response:
    return error_answer(409, "The bucket you tried to delete is not empty.")
