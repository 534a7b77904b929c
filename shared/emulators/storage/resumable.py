"""Resumable uploads: bytes are written to disk as they arrive; the last byte completes the object.

Protocol: https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from dataclasses import dataclass, field

from aiohttp import web

from shared.emulators.faults.injector import CLIENT_CLOSED_REQUEST
from shared.emulators.storage.bodies import bytes_in, check_sums, json_in
from shared.emulators.storage.errors import ApiError
from shared.emulators.storage.files import Incoming
from shared.emulators.storage.index import bucket_of, live_of
from shared.emulators.storage.names import ObjectName
from shared.emulators.storage.preconditions import Live, Preconditions
from shared.emulators.storage.routes import Route
from shared.emulators.storage.store import Store
from shared.emulators.storage.stored import Facts, facts_from
from shared.emulators.storage.uploads import UNKNOWN, target_of

MOST_SESSIONS = 1000
RESUME_INCOMPLETE = 308
CONTENT_RANGE = re.compile(r"bytes (?:(?P<first>\d+)-(?P<last>\d+|\*)|\*)/(?P<total>\d+|\*)")
"""Node's client sends ``0-*/*``: all bytes to the end of the body."""


@dataclass
class Session:
    """An unfinished or finished resumable upload."""

    target: ObjectName
    preconditions: Preconditions
    facts: Facts
    sums: dict[str, object]
    """Checksums that the client sent at the start."""
    incoming: Incoming
    is_complete: bool = False
    answer: bytes | None = None
    """The stored object's resource, for repeated requests."""
    finishing: asyncio.Lock = field(default_factory=asyncio.Lock)


class ResumableUploads:
    """The sessions of one store, in memory: after a restart, the store answers 404 and clients start again."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    async def handle(self, request: web.Request, route: Route, store: Store) -> web.StreamResponse:
        """Start a session, append bytes to it, report their number, or cancel it."""
        upload_id = request.query.get("upload_id")
        if not upload_id:
            return await self._start(request, route, store)
        session = self._sessions.get(upload_id)
        if session is None:
            raise ApiError(404, f"The upload {upload_id} does not exist; start it again.")
        if request.method == "DELETE":
            self._end(upload_id)
            return web.Response(status=CLIENT_CLOSED_REQUEST)
        await _take(request, session)
        if session.is_complete:
            async with session.finishing:
                session.answer = session.answer or await self._finish(request, upload_id, session, store)
        return _state(request, session)

    async def _start(self, request: web.Request, route: Route, store: Store) -> web.Response:
        metadata = await json_in(request)
        target = target_of(route.bucket, request.query.get("name") or metadata.get("name"))
        preconditions = Preconditions.of(request.query)
        bucket_of(store.db, target.bucket)
        live = live_of(store.db, target)
        preconditions.check_target(Live(live.generation, live.metageneration) if live else None)
        facts = facts_from(metadata)
        facts.setdefault("contentType", request.headers.get("X-Upload-Content-Type") or UNKNOWN)
        sums: dict[str, object] = {name: metadata[name] for name in ("crc32c", "md5Hash") if name in metadata}
        upload_id = secrets.token_hex(16)
        self._sessions[upload_id] = Session(target, preconditions, facts, sums, store.files.begin())
        if len(self._sessions) > MOST_SESSIONS:
            self._end(next(iter(self._sessions)))
        location = request.url.update_query(uploadType="resumable", upload_id=upload_id)
        return web.Response(headers={"Location": str(location), "X-GUploader-UploadID": upload_id})

    async def _finish(self, request: web.Request, upload_id: str, session: Session, store: Store) -> bytes:
        """Store the object if its preconditions still hold."""
        try:
            check_sums(session.sums, request.headers, session.incoming)
            content = await session.incoming.finish()
            stored = await store.put(session.target, session.preconditions, session.facts, content)
        except ApiError:
            self._end(upload_id)
            raise
        return json.dumps(stored.resource(str(request.url.origin()))).encode()

    def _end(self, upload_id: str) -> None:
        session = self._sessions.pop(upload_id)
        if session.answer is None:
            session.incoming.discard()


async def _take(request: web.Request, session: Session) -> None:
    """Append a request's bytes, except those that the session already has, since a client may repeat bytes."""
    header = request.headers.get("Content-Range", "bytes 0-*/*")
    match = CONTENT_RANGE.fullmatch(header)
    if match is None:
        raise ApiError(400, f"Invalid Content-Range: {header!r}")
    try:
        if match["first"] is not None:
            await _append(request, session, int(match["first"]))
    finally:
        if not session.is_complete:
            session.incoming.pause()
    if match["total"] == "*":
        session.is_complete = session.is_complete or match["last"] == "*"
    elif session.incoming.size >= int(match["total"]):
        session.is_complete = True


async def _append(request: web.Request, session: Session, position: int) -> None:
    incoming = session.incoming
    if position > incoming.size:
        raise ApiError(
            400, f"The request starts at byte {position}, but the upload has only {incoming.size} bytes so far."
        )
    async for chunk in bytes_in(request):
        new = chunk[max(0, incoming.size - position) :]
        position += len(chunk)
        if new and not session.is_complete:
            incoming.add(new)


def _state(request: web.Request, session: Session) -> web.Response:
    """Answer with the stored object, or with the number of bytes so far."""
    if session.answer:
        return web.Response(body=session.answer, content_type="application/json")
    received = session.incoming.size
    headers = {"Range": f"bytes=0-{received - 1}"} if received else {}
    if "X-GUploader-No-308" in request.headers:  # Go's client, which Terraform uses, cannot handle a 308
        return web.Response(headers={**headers, "X-HTTP-Status-Code-Override": str(RESUME_INCOMPLETE)})
    return web.Response(status=RESUME_INCOMPLETE, headers=headers)
