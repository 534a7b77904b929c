"""Requests on buckets. What the store cannot do, such as keeping versions, is accepted and not done."""

from __future__ import annotations

import json

from aiohttp import web

from shared.local.storage_proxy.gate import Gate
from shared.local.storage_proxy.names import check_bucket
from shared.local.storage_proxy.objects import forwarded
from shared.local.storage_proxy.refusals import Refused, error_answer
from shared.local.storage_proxy.replies import json_reply
from shared.local.storage_proxy.routes import Route


async def create_bucket(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Create a bucket without versions: the store answers 500 to a bucket that shall keep them."""
    try:
        wanted = json.loads(await request.read())
        name = str(wanted["name"])
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(400, "A new bucket needs a JSON body with its name.") from error
    check_bucket(name)
    wanted.pop("versioning", None)
    return await forwarded(request, Route(route.action, name), gate, json.dumps(wanted).encode())


async def change_bucket(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Answer the bucket as it is; nothing about it can be changed."""
    async with gate.upstream.request("GET", f"/storage/v1/b/{route.bucket}") as answer:
        return await json_reply(request, route, gate.upstream, answer)


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
    """Delete an empty bucket; of one that is not, say 409 as Cloud Storage does, not 412."""
    async with gate.upstream.request("DELETE", request.raw_path) as answer:
        if answer.status == 412:
            return error_answer(409, "The bucket you tried to delete is not empty.")
        if answer.status >= 400:
            return await json_reply(request, route, gate.upstream, answer)
    return web.Response(status=204)
