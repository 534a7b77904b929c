"""Answer with an object's bytes: all, a range, or decompressed for a client that does not accept gzip.

https://cloud.google.com/storage/docs/transcoding
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import IO

from aiohttp import web

from shared.emulators.faults.injector import WHOLE_BODY
from shared.emulators.storage.bodies import as_hash_header, as_hex
from shared.emulators.storage.errors import error_answer
from shared.emulators.storage.stored import Stored

SHORT_BYTES = 256 * 1024
CHUNK_BYTES = 256 * 1024
RANGE = re.compile(r"bytes=(\d*)-(\d*)")
HEADERS = {
    "contentType": "Content-Type",
    "contentDisposition": "Content-Disposition",
    "contentLanguage": "Content-Language",
    "cacheControl": "Cache-Control",
}
NOT_A_PAGE = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
"""An uploaded page that a user opens must not get the rights of this origin."""


async def media_answer(request: web.Request, stored: Stored, file: IO[bytes]) -> web.StreamResponse:
    """Send the bytes of an open file, and close it."""
    with closing(file):
        headers = _headers_of(stored)
        is_gzip_encoded = stored.facts.get("contentEncoding", "").lower() == "gzip"
        if is_gzip_encoded and "gzip" not in request.headers.get("Accept-Encoding", "").lower() and _is_gzip(file):
            headers["Warning"] = "214 UploadServer gunzipped"
            return await _sent(request, 200, headers, _decompressed(file), None)
        if encoding := stored.facts.get("contentEncoding"):
            headers["Content-Encoding"] = encoding
        span = _span(request.headers.get("Range"), stored.content.size)
        if span is None:
            return await _sent(request, 200, headers, _chunks(file, 0, stored.content.size), stored.content.size)
        first, length = span
        if length <= 0:
            answer = error_answer(416, "The requested range cannot be satisfied.", "requestedRangeNotSatisfiable")
            answer.headers["Content-Range"] = f"bytes */{stored.content.size}"
            return answer
        headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{stored.content.size}"
        return await _sent(request, 206, headers, _chunks(file, first, length), length)


def _headers_of(stored: Stored) -> dict[str, str]:
    content = stored.content
    written = format_datetime(datetime.fromtimestamp(stored.updated / 1e6, UTC), usegmt=True)
    headers = {
        "Content-Type": "application/octet-stream",
        **{header: stored.facts[name] for name, header in HEADERS.items() if name in stored.facts},
        **NOT_A_PAGE,
        "Accept-Ranges": "bytes",
        "ETag": f'"{as_hex(content.md5)}"' if content.md5 else f'"{stored.etag}"',
        "Last-Modified": written,
        "X-Goog-Generation": str(stored.generation),
        "X-Goog-Metageneration": str(stored.metageneration),
        "X-Goog-Hash": as_hash_header(content),
        "X-Goog-Storage-Class": "STANDARD",
        "X-Goog-Stored-Content-Encoding": stored.facts.get("contentEncoding") or "identity",
        "X-Goog-Stored-Content-Length": str(content.size),
    }
    custom = stored.facts.get("metadata", {})
    headers |= {f"X-Goog-Meta-{key}": value for key, value in custom.items() if _is_token(key)}
    return {name: _one_line(value) for name, value in headers.items()}


def _span(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte and the number of bytes; None for all bytes, also if it is not a single range."""
    match = RANGE.fullmatch((header or "").strip())
    if not match or not any(match.groups()):
        return None
    if not match[1]:
        length = min(int(match[2]), size)
        return size - length, length
    first = int(match[1])
    last = min(int(match[2]) if match[2] else size - 1, size - 1)
    if match[2] and int(match[2]) < first:
        return None
    return first, last - first + 1


async def _sent(
    request: web.Request, status: int, headers: dict[str, str], chunks: Iterator[bytes], length: int | None
) -> web.StreamResponse:
    is_short = length is not None and length <= SHORT_BYTES
    if request.method != "HEAD" and (is_short or WHOLE_BODY in request):
        return web.Response(status=status, headers=headers, body=b"".join(chunks))
    reply = web.StreamResponse(status=status, headers=headers)
    reply.content_length = length
    await reply.prepare(request)
    if request.method != "HEAD":
        try:
            for chunk in chunks:
                await reply.write(chunk)
        except (OSError, zlib.error):
            if request.transport is not None:
                request.transport.abort()  # too late for an error status; the client sees a broken connection
            return reply
    await reply.write_eof()
    return reply


def _chunks(file: IO[bytes], first: int, length: int) -> Iterator[bytes]:
    file.seek(first)
    while length > 0 and (chunk := file.read(min(CHUNK_BYTES, length))):
        length -= len(chunk)
        yield chunk


def _is_gzip(file: IO[bytes]) -> bool:
    file.seek(0)
    try:
        zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(file.read(CHUNK_BYTES), 1)
    except zlib.error:
        return False  # bytes that are not gzip are sent as they are
    return True


def _decompressed(file: IO[bytes]) -> Iterator[bytes]:
    decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)
    file.seek(0)
    while chunk := decompressor.unconsumed_tail or file.read(CHUNK_BYTES):
        yield decompressor.decompress(chunk, CHUNK_BYTES)
        if decompressor.eof:
            return
    yield decompressor.flush()


def _is_token(key: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", key))


def _one_line(value: str) -> str:
    return re.sub(r"[\r\n\0]", " ", value)
