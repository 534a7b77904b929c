"""Resumable uploads: bytes are put on disk as they come; the last one makes the object.

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
from shared.emulators.storage.uploads import UNKNOWN, named

MOST_SESSIONS = 1000
RESUME_INCOMPLETE = 308
CONTENT_RANGE = re.compile(r"bytes (?:(?P<first>\d+)-(?P<last>\d+|\*)|\*)/(?P<total>\d+|\*)")
"""``0-*/*`` is what Node's client sends: all that comes, to the end."""


@dataclass
class Session:
    """An upload on its way."""

    target: ObjectName
    demands: Preconditions
    facts: Facts
    sums: dict[str, object]
    """Checksums that the client gave at the start."""
    incoming: Incoming
    is_complete: bool = False
    answer: bytes | None = None
    """What told of the stored object, given again to whoever asks again."""
    finishing: asyncio.Lock = field(default_factory=asyncio.Lock)


class ResumableUploads:
    """The sessions of one store, in memory: a store that starts anew answers 404, and clients start anew too."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    async def handle(self, request: web.Request, route: Route, store: Store) -> web.StreamResponse:
        """Start a session, take bytes for it, tell how many there are, or give it up."""
        upload_id = request.query.get("upload_id")
        if not upload_id:
            return await self._start(request, route, store)
        session = self._sessions.get(upload_id)
        if session is None:
            raise ApiError(404, f"There is no upload {upload_id}; start it again.")
        if request.method == "DELETE":
            self._end(upload_id)
            return web.Response(status=CLIENT_CLOSED_REQUEST)
        await _take(request, session)
        if session.is_complete:
            async with session.finishing:
                session.answer = session.answer or await self._finish(request, upload_id, session, store)
        return _told(request, session)

    async def _start(self, request: web.Request, route: Route, store: Store) -> web.Response:
        said = await json_in(request)
        target = named(route.bucket, request.query.get("name") or said.get("name"))
        demands = Preconditions.of(request.query)
        bucket_of(store.db, target.bucket)
        live = live_of(store.db, target)
        demands.check_target(Live(live.generation, live.metageneration) if live else None)
        facts = facts_from(said)
        facts.setdefault("contentType", request.headers.get("X-Upload-Content-Type") or UNKNOWN)
        sums: dict[str, object] = {name: said[name] for name in ("crc32c", "md5Hash") if name in said}
        upload_id = secrets.token_hex(16)
        self._sessions[upload_id] = Session(target, demands, facts, sums, store.files.begin())
        if len(self._sessions) > MOST_SESSIONS:
            self._end(next(iter(self._sessions)))
        location = request.url.update_query(uploadType="resumable", upload_id=upload_id)
        return web.Response(headers={"Location": str(location), "X-GUploader-UploadID": upload_id})

    async def _finish(self, request: web.Request, upload_id: str, session: Session, store: Store) -> bytes:
        """Store the object, if it is still in the state demanded."""
        try:
            check_sums(session.sums, request.headers, session.incoming)
            content = await session.incoming.finish()
            stored = await store.put(session.target, session.demands, session.facts, content)
        except ApiError:
            self._end(upload_id)
            raise
        return json.dumps(stored.resource(str(request.url.origin()))).encode()

    def _end(self, upload_id: str) -> None:
        session = self._sessions.pop(upload_id)
        if session.answer is None:
            session.incoming.discard()


async def _take(request: web.Request, session: Session) -> None:
    """Append what a request brings. Bytes that are here are skipped: a client may send again what it is unsure of."""
    header = request.headers.get("Content-Range", "bytes 0-*/*")
    found = CONTENT_RANGE.fullmatch(header)
    if found is None:
        raise ApiError(400, f"Invalid Content-Range: {header!r}")
    try:
        if found["first"] is not None:
            await _append(request, session, int(found["first"]))
    finally:
        if not session.is_complete:
            session.incoming.pause()
    if found["total"] == "*":
        session.is_complete = session.is_complete or found["last"] == "*"
    elif session.incoming.size >= int(found["total"]):
        session.is_complete = True


async def _append(request: web.Request, session: Session, position: int) -> None:
    incoming = session.incoming
    if position > incoming.size:
        raise ApiError(400, f"Bytes from {position} on came, but the upload has only {incoming.size} so far.")
    async for chunk in bytes_in(request):
        new = chunk[max(0, incoming.size - position) :]
        position += len(chunk)
        if new and not session.is_complete:
            incoming.add(new)


def _told(request: web.Request, session: Session) -> web.Response:
    """Tell that the object is stored, or how many bytes are here."""
    if session.answer:
        return web.Response(body=session.answer, content_type="application/json")
    received = session.incoming.size
    headers = {"Range": f"bytes=0-{received - 1}"} if received else {}
    if "X-GUploader-No-308" in request.headers:  # Go's client, which Terraform uses, cannot take a 308
        return web.Response(headers={**headers, "X-HTTP-Status-Code-Override": str(RESUME_INCOMPLETE)})
    return web.Response(status=RESUME_INCOMPLETE, headers=headers)
