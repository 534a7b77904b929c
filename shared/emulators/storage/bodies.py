"""Read request bodies: JSON, streamed bytes, and metadata followed by bytes; nothing large is held in memory."""

from __future__ import annotations

import binascii
import json
import re
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiohttp import web

from shared.emulators.storage.errors import ApiError
from shared.emulators.storage.files import Incoming
from shared.emulators.storage.stored import Content, Facts

LARGEST_JSON_BYTES = 16 * 1024 * 1024
LARGEST_METADATA_BYTES = 1024 * 1024
BOUNDARY = re.compile(r"""boundary=(?:"([^"]+)"|'([^']+)'|([^;]+))""", re.IGNORECASE)
END_OF_LINE = re.compile(rb"\r?\n")
END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
CONTENT_TYPE = re.compile(rb"^content-type:[ \t]*(.*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
LONGEST_END_BYTES = 512
"""Longest end of a multipart body: a line break, the boundary, two dashes, and line breaks."""

FACT_HEADERS = {
    "contentType": "content-type",
    "contentEncoding": "content-encoding",
    "contentDisposition": "content-disposition",
    "contentLanguage": "content-language",
    "cacheControl": "cache-control",
    "customTime": "x-goog-custom-time",
}
CUSTOM_PREFIX = "x-goog-meta-"
FIELD = re.compile(r"(crc32c|md5)=([A-Za-z0-9+/]+={0,2})")


async def json_in(request: web.Request) -> dict[str, Any]:
    """Return a body's JSON object; an empty body is an empty object."""
    return as_object(b"".join([chunk async for chunk in bytes_in(request, LARGEST_JSON_BYTES)]))


def as_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object; 400 if it is not one."""
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "The metadata must be JSON.") from error
    if not isinstance(content, dict):
        raise ApiError(400, "The metadata must be a JSON object.")
    return content


async def bytes_in(request: web.Request, largest: int | None = None) -> AsyncIterator[bytes]:
    """Yield a body as it arrives, decompressed if its Content-Encoding is gzip; 413 beyond ``largest`` bytes."""
    decompressor = None
    if request.headers.get("Content-Encoding", "").lower() in ("gzip", "x-gzip"):
        decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)
    total = received = 0
    async for chunk in request.content.iter_any():
        received += len(chunk)
        content = _decompressed(decompressor, chunk) if decompressor else chunk
        total += len(content)
        if largest is not None and total > largest:
            raise ApiError(413, f"The body is larger than {largest:,} bytes.")
        if content:
            yield content
    if decompressor and received and not decompressor.eof:
        raise ApiError(400, "The body has Content-Encoding: gzip but ends before its gzip stream does.")


async def raw_bytes_in(request: web.Request) -> AsyncIterator[bytes]:
    """Yield a body as it arrives."""
    async for chunk in request.content.iter_any():
        yield chunk


async def metadata_and_bytes(request: web.Request) -> tuple[dict[str, Any], str | None, AsyncIterator[bytes]]:
    """Split a multipart/related body into the metadata, the content type of the bytes, and the streamed bytes."""
    content_type = request.headers.get("Content-Type", "")
    match = BOUNDARY.search(content_type)
    if not match:
        raise ApiError(400, f"A multipart upload needs a boundary; its content type is {content_type!r}.")
    mark = b"--" + next(filter(None, match.groups())).strip().encode()
    chunks = bytes_in(request)
    head, parts = b"", None
    async for chunk in chunks:
        head += chunk
        if parts := _split(head, mark):
            break
        if len(head) > LARGEST_METADATA_BYTES:
            raise ApiError(413, f"The metadata before the bytes is larger than {LARGEST_METADATA_BYTES:,} bytes.")
    if parts is None:
        raise ApiError(400, "A multipart upload needs two parts: the metadata as JSON, and the bytes.")
    metadata, kind, start_bytes = parts
    # The line break of this body: gcloud's has no carriage return, and one before it then belongs to the bytes.
    line_break = next(iter(END_OF_LINE.findall(head, head.find(mark))))
    return as_object(metadata), kind, _up_to(line_break + mark + b"--", start_bytes, chunks)


def _split(head: bytes, mark: bytes) -> tuple[bytes, str | None, bytes] | None:
    """Return the metadata, the content type and the first bytes; None until all headers have arrived."""
    first = head.find(mark)
    start = END_OF_HEADERS.search(head, first + len(mark)) if first >= 0 else None
    second = head.find(mark, start.end()) if start else -1
    if start is None or second < 0:
        return None
    line = END_OF_LINE.search(head, second)
    if line is None:
        return None
    has_headers = END_OF_LINE.match(head, line.end()) is None
    end = END_OF_HEADERS.search(head, line.start()) if has_headers else END_OF_LINE.match(head, line.end())
    if end is None:
        return None
    kind = CONTENT_TYPE.search(head[line.start() : end.end()])
    return head[start.end() : second], kind[1].decode("latin-1") if kind else None, head[end.end() :]


async def _up_to(end_mark: bytes, start_bytes: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the bytes before the last end mark; the last bytes are held back until the body has ended."""
    held = start_bytes
    async for chunk in chunks:
        held += chunk
        if len(held) > 2 * LONGEST_END_BYTES:
            yield held[:-LONGEST_END_BYTES]
            held = held[-LONGEST_END_BYTES:]
    end = held.rfind(end_mark)
    if end < 0:
        raise ApiError(400, "The multipart body is cut off: its last boundary is missing.")
    yield held[:end]


def check_sums(metadata: Mapping[str, Any], headers: Mapping[str, str], incoming: Incoming) -> None:
    """Refuse (400) bytes that do not match the client's checksums: https://cloud.google.com/storage/docs/hashes-etags."""
    content = incoming.content
    expected = [(name, str(metadata[name])) for name in ("crc32c", "md5Hash") if metadata.get(name)]
    expected += FIELD.findall(headers.get("X-Goog-Hash", ""))
    expected += [("md5", headers["Content-MD5"])] if "Content-MD5" in headers else []
    for name, value in expected:
        calculated = content.crc32c if name == "crc32c" else content.md5
        if value != calculated:
            raise ApiError(400, f"Provided {name} {value!r} doesn't match calculated {name} {calculated!r}.")


def facts_in(headers: Mapping[str, str]) -> Facts:
    """Return an object's facts from the headers of the XML API."""
    lower = {name.lower(): value for name, value in headers.items()}
    facts: Facts = {name: lower[header] for name, header in FACT_HEADERS.items() if lower.get(header)}
    custom = {
        name.removeprefix(CUSTOM_PREFIX): value for name, value in lower.items() if name.startswith(CUSTOM_PREFIX)
    }
    return facts | ({"metadata": custom} if custom else {})


def as_hash_header(content: Content) -> str:
    """Return the value of ``x-goog-hash``."""
    return f"crc32c={content.crc32c}" + (f",md5={content.md5}" if content.md5 else "")


def as_hex(md5: str) -> str:
    """Return a base64 checksum in hexadecimal digits, as in ETags of the XML API."""
    return binascii.a2b_base64(md5).hex()


def _decompressed(decompressor: Any, chunk: bytes) -> bytes:
    try:
        content: bytes = decompressor.decompress(chunk)
    except zlib.error as error:
        raise ApiError(400, "The body has Content-Encoding: gzip but is not gzip.") from error
    return content
