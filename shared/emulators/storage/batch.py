"""Batches: many requests in one body, which the same server answers one after the other.

Format: https://cloud.google.com/storage/docs/batch
"""

from __future__ import annotations

import secrets
from email import message_from_bytes
from email.message import Message
from email.parser import HeaderParser

import aiohttp
from aiohttp import web
from yarl import URL

from shared.emulators.storage.bodies import LARGEST_JSON_BYTES, bytes_in
from shared.emulators.storage.errors import ApiError
from shared.emulators.storage.routes import Route
from shared.emulators.storage.store import Store


async def run_batch(request: web.Request, _route: Route, _store: Store) -> web.StreamResponse:
    """Answer each part of a multipart/mixed body in order, in a multipart/mixed body."""
    content_type = request.headers.get("Content-Type", "")
    body = b"".join([chunk async for chunk in bytes_in(request, LARGEST_JSON_BYTES)])
    batch = message_from_bytes(f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode() + body)
    if not batch.is_multipart():
        raise ApiError(400, f"A batch must be multipart/mixed; its content type is {content_type!r}.")
    boundary = f"batch_{secrets.token_hex(12)}"
    parts = [part for part in batch.get_payload() if isinstance(part, Message)]
    async with aiohttp.ClientSession() as session:
        answers = [await _answered(part, request.url.origin(), session) for part in parts]
    reply = "".join(f"--{boundary}\r\n{answer}\r\n" for answer in answers) + f"--{boundary}--\r\n"
    return web.Response(text=reply, headers={"Content-Type": f'multipart/mixed; boundary="{boundary}"'})


async def _answered(part: Message, server: URL, session: aiohttp.ClientSession) -> str:
    text = str(part.get_payload()).replace("\r\n", "\n")
    line, _, rest = text.lstrip().partition("\n")
    head, _, body = rest.partition("\n\n")
    try:
        method, target, *_ = line.split()
    except ValueError as error:
        raise ApiError(400, f"A part of a batch must begin with a request line, not with {line!r}.") from error
    url = server.join(URL(URL(target, encoded=True).raw_path_qs, encoded=True))
    headers = {name: value for name, value in HeaderParser().parsestr(head).items() if name.lower() == "content-type"}
    async with session.request(method, url, headers=headers, data=body.encode()) as answer:
        content = await answer.text()
        lines = [f"HTTP/1.1 {answer.status} {answer.reason}", f"Content-Type: {answer.content_type}"]
    wrapped = ["Content-Type: application/http"]
    if content_id := part.get("Content-ID"):
        wrapped.append(f"Content-ID: <response-{content_id.strip('<>')}>")
    return "\r\n".join([*wrapped, "", *lines, "", content])
