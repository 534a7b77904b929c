"""Resumable uploads: the proxy keeps the bytes until the last one is there, and then stores the object at once.

fake-gcs-server would finish an upload when a client only asks how far it got, and knows no preconditions on it.
Protocol: https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import IO, Any

from aiohttp import web

from shared.local.faults.injector import CLIENT_CLOSED_REQUEST
from shared.local.storage_proxy.gate import Gate
from shared.local.storage_proxy.names import ObjectName, check_writable
from shared.local.storage_proxy.preconditions import Preconditions
from shared.local.storage_proxy.refusals import Refused
from shared.local.storage_proxy.replies import json_reply
from shared.local.storage_proxy.routes import Action, Route

MOST_SESSIONS = 1000
IN_MEMORY_BYTES = 1024 * 1024
CHUNK_BYTES = 256 * 1024
RESUME_INCOMPLETE = 308
CONTENT_RANGE = re.compile(r"bytes (?:(?P<first>\d+)-\d+|\*)/(?P<total>\d+|\*)")


@dataclass
class Session:
    """An upload on its way."""

    target: ObjectName
    demands: Preconditions
    metadata: dict[str, Any]
    content_type: str
    file: IO[bytes] = field(default_factory=lambda: _new_file())
    received: int = 0
    is_complete: bool = False
    answer: tuple[int, bytes] | None = None
    """Status and body that told of the stored object, given again to whoever asks again."""
    finishing: asyncio.Lock = field(default_factory=asyncio.Lock)


class ResumableUploads:
    """The sessions of one proxy, in memory: a proxy that starts anew answers 404, and clients start anew too."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    async def handle(self, request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
        """Start a session, take bytes for it, tell how many there are, or give it up."""
        upload_id = request.query.get("upload_id")
        if not upload_id:
            return await self._start(request, route, gate)
        session = self._sessions.get(upload_id)
        if session is None:
            raise Refused(404, f"There is no upload {upload_id}; start it again.")
        if request.method == "DELETE":
            del self._sessions[upload_id]
            return web.Response(status=CLIENT_CLOSED_REQUEST)
        await _take(request, session)
        if session.is_complete:
            async with session.finishing:
                session.answer = session.answer or await self._finish(request, upload_id, session, gate)
        return _told(request, session)

    async def _start(self, request: web.Request, route: Route, gate: Gate) -> web.Response:
        metadata = await _metadata(request)
        metadata["name"] = name = str(request.query.get("name") or metadata.get("name") or "")
        if not name:
            raise Refused(400, "An upload needs the object's name, as a parameter or in its metadata.")
        target = ObjectName(route.bucket or "", name)
        check_writable(target)
        demands = Preconditions.of(request.query)
        if demands:
            demands.check_target(await gate.upstream.live(target))
        kind = metadata.get("contentType") or request.headers.get("X-Upload-Content-Type")
        upload_id = secrets.token_hex(16)
        self._sessions[upload_id] = Session(target, demands, metadata, str(kind or "application/octet-stream"))
        if len(self._sessions) > MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        location = request.url.update_query(uploadType="resumable", upload_id=upload_id)
        return web.Response(headers={"Location": str(location), "X-GUploader-UploadID": upload_id})

    async def _finish(self, request: web.Request, upload_id: str, session: Session, gate: Gate) -> tuple[int, bytes]:
        """Store the object, if it is still in the state demanded; a store that is away can be tried again."""
        try:
            reply = await _store(request, session, gate)
        except Refused as refused:
            if refused.status == 412:
                self._sessions.pop(upload_id, None)
            raise
        if reply.status in (500, 503):
            raise Refused(503, "The object store did not take the upload; ask how far it got and go on from there.")
        session.file.close()
        return reply.status, bytes(reply.body) if isinstance(reply.body, bytes | bytearray) else b""


def _new_file() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)


async def _metadata(request: web.Request) -> dict[str, Any]:
    try:
        metadata = json.loads(await request.read() or b"{}")
    except ValueError as error:
        raise Refused(400, "The body that starts a resumable upload must be the object's metadata, as JSON.") from error
    return metadata if isinstance(metadata, dict) else {}


async def _take(request: web.Request, session: Session) -> None:
    """Append what a request brings. Bytes that are here are skipped: a client may send again what it is unsure of."""
    header = request.headers.get("Content-Range", "bytes 0-0/*")
    found = CONTENT_RANGE.fullmatch(header)
    if found is None:
        raise Refused(400, f"Invalid Content-Range: {header!r}")
    if found["first"] is not None:
        await _append(request, session, int(found["first"]))
    has_all = found["total"] != "*" and session.received >= int(found["total"])
    if has_all or "Content-Range" not in request.headers:
        session.is_complete = True


async def _append(request: web.Request, session: Session, position: int) -> None:
    if position > session.received:
        raise Refused(400, f"Bytes from {position} on came, but the upload has only {session.received} so far.")
    async for chunk in request.content.iter_any():
        new = chunk[max(0, session.received - position) :]
        position += len(chunk)
        if new and not session.is_complete:
            session.received += session.file.write(new)


async def _store(request: web.Request, session: Session, gate: Gate) -> web.Response:
    target, boundary = session.target, secrets.token_hex(16)
    path = f"/upload/storage/v1/b/{target.bucket}/o?uploadType=multipart"
    headers = {"Content-Type": f"multipart/related; boundary={boundary}"}
    async with gate.locks.hold(target):
        await gate.prepare_write(target, session.demands)
        async with gate.upstream.request("POST", path, headers, _multipart(session, boundary)) as answer:
            return await json_reply(request, Route(Action.UPLOAD, target.bucket, target), gate.upstream, answer)


async def _multipart(session: Session, boundary: str) -> AsyncIterator[bytes]:
    yield f"--{boundary}\r\nContent-Type: application/json\r\n\r\n{json.dumps(session.metadata)}\r\n".encode()
    yield f"--{boundary}\r\nContent-Type: {session.content_type}\r\n\r\n".encode()
    session.file.seek(0)
    while chunk := session.file.read(CHUNK_BYTES):
        yield chunk
    yield f"\r\n--{boundary}--\r\n".encode()


def _told(request: web.Request, session: Session) -> web.Response:
    """Tell that the object is stored, or how many bytes are here."""
    if session.answer:
        status, body = session.answer
        return web.Response(status=status, body=body, content_type="application/json")
    headers = {"Range": f"bytes=0-{session.received - 1}"} if session.received else {}
    if "X-GUploader-No-308" in request.headers:  # Go's client, which Terraform uses, cannot take a 308
        return web.Response(headers={**headers, "X-HTTP-Status-Code-Override": str(RESUME_INCOMPLETE)})
    return web.Response(status=RESUME_INCOMPLETE, headers=headers)
