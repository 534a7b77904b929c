"""The store's answers, mended where they differ from Cloud Storage's, on their way back to the client."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import aiohttp
from aiohttp import web

from shared.local.storage_proxy.names import ObjectName
from shared.local.storage_proxy.refusals import Refused, error_answer
from shared.local.storage_proxy.routes import Action, Route
from shared.local.storage_proxy.upstream import Upstream, end_to_end

SHORT_BODY_BYTES = 256 * 1024

NOT_AS_A_FILE = ("not a directory", "is a directory", "file exists", "file name too long", "invalid argument")
"""What the store's 500 says of a name that the file system cannot take; sent again, it would fail again."""


async def json_reply(
    request: web.Request, route: Route, upstream: Upstream, answer: aiohttp.ClientResponse
) -> web.Response:
    """Read a JSON answer whole and pass it on, its links and ids mended, its errors in Google's shape."""
    body = await upstream.read(answer)
    if answer.status >= 400:
        return error_reply(route, answer, body)
    try:
        content = json.loads(body)
    except ValueError:
        return web.Response(status=answer.status, headers=end_to_end(answer.headers), body=body)
    return web.json_response(mended(content, str(request.url.origin())), status=answer.status)


def mended(content: Any, proxy_url: str) -> Any:
    """Give each object resource the links and the id that Cloud Storage gives it.

    Its media link names the generation, so what a client read the metadata of is what it downloads.
    """
    if not isinstance(content, dict):
        return content
    kind = content.get("kind")
    if kind == "storage#objects":
        content["items"] = [mended(item, proxy_url) for item in content.get("items", [])]
    elif kind == "storage#rewriteResponse":
        content["resource"] = mended(content["resource"], proxy_url)
    elif kind == "storage#object":
        path = f"/storage/v1/b/{content['bucket']}/o/{quote(content['name'], safe='')}"
        generation = content["generation"]
        content["id"] = f"{content['bucket']}/{content['name']}/{generation}"
        content["selfLink"] = proxy_url + path
        content["mediaLink"] = f"{proxy_url}/download{path}?generation={generation}&alt=media"
    return content


def error_reply(route: Route, answer: aiohttp.ClientResponse, body: bytes) -> web.Response:
    """Return a failure of the store in Google's shape; one that trying again cannot help is no 500."""
    status = answer.status
    message = _message(body) or answer.reason or "Unknown error"
    if status == 404:
        message = _missing(route)
    elif status == 500 and any(sign in message for sign in NOT_AS_A_FILE):
        status, message = 400, _not_as_a_file(route.target)
    elif status == 500 and "not implemented" in message:
        status = 400
    reply = error_answer(status, message)
    if "Content-Range" in answer.headers:  # of a 416: how long the object is
        reply.headers["Content-Range"] = answer.headers["Content-Range"]
    return reply


async def media_reply(
    request: web.Request, upstream: Upstream, answer: aiohttp.ClientResponse, body: bytes | None, generation: int | None
) -> web.StreamResponse:
    """Pass on an object's bytes: those in ``body``, or else as they come. A ``generation`` that was named is told."""
    headers = end_to_end(answer.headers)
    if generation is not None:
        headers["X-Goog-Generation"] = str(generation)
    if body is not None:
        return web.Response(status=answer.status, headers=headers, body=body)
    reply = web.StreamResponse(status=answer.status, headers=headers)
    reply.content_length = answer.content_length
    await reply.prepare(request)
    if request.method != "HEAD":
        try:
            while chunk := await upstream.read_some(answer):
                await reply.write(chunk)
        except Refused:
            _hang_up(request)  # too late for an error: a cut connection is what tells the client
            return reply
    await reply.write_eof()
    return reply


def is_short(answer: aiohttp.ClientResponse) -> bool:
    """Tell whether an answer's body may be held in memory."""
    return answer.content_length is not None and answer.content_length <= SHORT_BODY_BYTES


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace").strip()


def _missing(route: Route) -> str:
    if route.source:
        return f"There is no object {route.source}, or no bucket {route.bucket}."
    if route.target and route.action is not Action.UPLOAD:
        return f"No such object: {route.target}"
    return f"The bucket {route.bucket} does not exist." if route.bucket else "The local object store has nothing there."


def _not_as_a_file(target: ObjectName | None) -> str:
    return (
        f"The local object store keeps each object as a file and cannot hold {target}: a part of its name is already "
        "an object or a folder, or is too long. Cloud Storage would take this name; locally, use another."
    )


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
