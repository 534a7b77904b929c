"""Uploads in one request. Their bodies are taken in whole before the object's lock is, so no slow client holds it.

https://cloud.google.com/storage/docs/uploading-objects
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from aiohttp import web

from shared.local.storage_proxy.gate import Gate
from shared.local.storage_proxy.names import ObjectName, check_writable
from shared.local.storage_proxy.objects import forwarded
from shared.local.storage_proxy.preconditions import Preconditions
from shared.local.storage_proxy.refusals import Refused
from shared.local.storage_proxy.routes import Route

BOUNDARY = re.compile(r"""boundary=(?:"([^"]+)"|'([^']+)'|([^;]+))""", re.IGNORECASE)
END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")


async def upload_whole(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Store an object that came in one request (``uploadType=media`` or ``multipart``), if the state allows."""
    body = await request.read()
    name = request.query.get("name")
    if request.query.get("uploadType") == "multipart" and not name:
        name = _name_in(body, request.headers.get("Content-Type", ""))
    if not name:
        raise Refused(400, "An upload needs the object's name, as a parameter or in its metadata.")
    target = ObjectName(route.bucket or "", name)
    check_writable(target)
    demands = Preconditions.of(request.query)
    async with gate.locks.hold(target):
        await gate.prepare_write(target, demands)
        return await forwarded(request, replace(route, target=target), gate, body)


def _name_in(body: bytes, content_type: str) -> str | None:
    """Return the name that the first part of a multipart body, the metadata, gives to the object."""
    found = BOUNDARY.search(content_type)
    if not found:
        raise Refused(400, f"A multipart upload needs a boundary; its content type is {content_type!r}.")
    mark = b"--" + next(filter(None, found.groups())).strip().encode()
    start = END_OF_HEADERS.search(body, body.find(mark) + len(mark))
    end = body.find(mark, start.end()) if start else -1
    try:
        metadata = json.loads(body[start.end() : end]) if start and end > 0 else None
        return str(metadata["name"]) if metadata and metadata.get("name") else None
    except (ValueError, AttributeError) as error:
        raise Refused(400, "The first part of a multipart upload must be the object's metadata, as JSON.") from error
