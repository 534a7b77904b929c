"""Files of load jobs on their way in: in one request of two parts, or in chunks that can be resumed.

https://cloud.google.com/bigquery/docs/reference/api-uploads
"""

from __future__ import annotations

import json
import re
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from shared.emulators.bigquery.errors import Refusal

MAX_BYTES = 1 << 30
"""Of one file; it is held in memory."""
MAX_SESSIONS = 32
"""Uploads that may be under way; the oldest is forgotten for a new one."""

_BODY: web.RequestKey[Mapping[str, Any]] = web.RequestKey("json_object")
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(slots=True)
class Session:
    """A resumable upload."""

    job: Mapping[str, Any]
    content: bytearray = field(default_factory=bytearray)


class Uploads:
    """Resumable uploads under way."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def begin(self, job: Mapping[str, Any]) -> str:
        """Open a session for a job's file; returns its id."""
        while len(self._sessions) >= MAX_SESSIONS:
            self._sessions.popitem(last=False)
        session_id = uuid.uuid4().hex
        self._sessions[session_id] = Session(job)
        return session_id

    async def take(self, session_id: str, request: web.Request) -> Session | web.Response:
        """Take a chunk; returns the session once the file is whole, before that the answer to the chunk.

        Raises:
            Refusal: notFound for an unknown session; invalid for a chunk that does not follow the last one.
        """
        session = self._sessions.get(session_id)
        if session is None:
            raise Refusal("notFound", "Not found: this upload is not known any more; begin it again")
        chunk = await request.read()
        header = request.headers.get("Content-Range")
        found = _RANGE.fullmatch(header) if header else None
        if header and not found:
            raise Refusal("invalid", f"Content-Range is {header!r}")
        start = int(found.group(1)) if found and found.group(1) else len(session.content)
        if found and found.group(1) is None:
            chunk = b""
        if start > len(session.content):
            raise Refusal("invalid", f"The chunk begins at byte {start}, the upload has {len(session.content)} so far")
        if start + len(chunk) > MAX_BYTES:
            raise Refusal("requestTooLarge", f"The file is larger than {MAX_BYTES} bytes")
        # A chunk that comes again takes the place of what is there from its beginning.
        session.content[start:] = chunk if chunk else session.content[start:]
        total = found.group(3) if found else str(len(session.content))
        if total != "*" and len(session.content) >= int(total):
            del self._sessions[session_id]
            return session
        held = {"Range": f"bytes=0-{len(session.content) - 1}"} if session.content else {}
        return web.Response(status=308, headers=held)


async def read_multipart(request: web.Request) -> tuple[Mapping[str, Any], bytes]:
    """Return the job and the file of an upload in one request.

    Raises:
        Refusal: invalid, where it does not have these two parts.
    """
    try:
        reader = await request.multipart()
        parts = [await part.read() async for part in reader if isinstance(part, BodyPartReader)]
    except (ValueError, AssertionError) as error:
        raise Refusal("invalid", f"The multipart upload cannot be read: {error}") from error
    if len(parts) != 2:
        raise Refusal("invalid", f"A multipart upload has two parts, the job and the file; this one has {len(parts)}")
    return parse_object(parts[0]), bytes(parts[1])


def parse_object(content: bytes) -> Mapping[str, Any]:
    """Return a request's JSON object; nothing at all is an empty one.

    Raises:
        Refusal: invalid.
    """
    if not content.strip():
        return {}
    try:
        document = json.loads(content, parse_constant=_refuse_constant)
    except ValueError as error:
        raise Refusal("invalid", f"Invalid JSON payload received: {error}") from error
    if not isinstance(document, dict):
        raise Refusal("invalid", "Invalid JSON payload received: it is not an object")
    return document


async def body_of(request: web.Request) -> Mapping[str, Any]:
    """Return a request's JSON object; it is parsed once, whoever asks first.

    Raises:
        Refusal: invalid.
    """
    if _BODY not in request:
        request[_BODY] = parse_object(await request.read())
    return request[_BODY]


def replace_body(request: web.Request, body: Mapping[str, Any]) -> None:
    """Let ``body_of`` return something else from now on."""
    request[_BODY] = body


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
