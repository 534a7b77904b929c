"""Uploads in one request: by the JSON API, by a signed URL, and by an HTML form.

https://cloud.google.com/storage/docs/uploading-objects
"""

from __future__ import annotations

from typing import Any

from aiohttp import BodyPartReader, web

from shared.emulators.storage.bodies import (
    as_hash_header,
    as_hex,
    bytes_in,
    check_sums,
    facts_in,
    metadata_and_bytes,
    raw_bytes_in,
)
from shared.emulators.storage.errors import ApiError
from shared.emulators.storage.names import ObjectName, check_writable
from shared.emulators.storage.preconditions import Preconditions, preconditions_in
from shared.emulators.storage.routes import Route
from shared.emulators.storage.store import Store
from shared.emulators.storage.stored import Stored, facts_from

UNKNOWN = "application/octet-stream"
LONGEST_FIELD_BYTES = 64 * 1024


async def upload_whole(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Store an object from one request (``uploadType=media`` or ``multipart``) if its preconditions hold."""
    kind = request.query.get("uploadType")
    metadata: dict[str, Any] = {}
    content_type: str | None = request.headers.get("Content-Type")
    if kind == "multipart":
        metadata, content_type, chunks = await metadata_and_bytes(request)
    elif kind == "media":
        chunks = bytes_in(request)
    else:
        raise ApiError(400, f"Invalid uploadType: {kind!r}; expected media, multipart or resumable.")
    target = target_of(route.bucket, request.query.get("name") or metadata.get("name"))
    facts = facts_from(metadata)
    facts.setdefault("contentType", content_type or UNKNOWN)
    if encoding := request.query.get("contentEncoding"):
        facts["contentEncoding"] = encoding
    preconditions = Preconditions.of(request.query)
    incoming = await store.files.write(chunks)
    try:
        check_sums(metadata, request.headers, incoming)
    except ApiError:
        incoming.discard()
        raise
    stored = await store.put(target, preconditions, facts, await incoming.finish())
    return web.json_response(stored.resource(str(request.url.origin())))


async def put_file(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Store the bytes of a PUT to ``/bucket/name``, as by a signed URL or the XML API."""
    target = _target(route)
    check_writable(target)
    if session := [name for name in ("uploadId", "partNumber", "upload_id") if name in request.query]:
        raise _no_xml_sessions(f"?{session[0]}")
    if "x-goog-copy-source" in request.headers:
        raise ApiError(400, "The local object store copies only by the JSON API, not by x-goog-copy-source.")
    preconditions = preconditions_in(request.query, request.headers)
    facts = {"contentType": UNKNOWN, **facts_in(request.headers)}
    incoming = await store.files.write(raw_bytes_in(request))
    try:
        check_sums({}, request.headers, incoming)
    except ApiError:
        incoming.discard()
        raise
    stored = await store.put(target, preconditions, facts, await incoming.finish())
    return web.Response(headers=_as_xml_api(stored))


async def refuse_xml_post(request: web.Request, route: Route, _store: Store) -> web.StreamResponse:
    """Refuse sessions of the XML API: its multipart uploads, and resumable ones by signed URL."""
    raise _no_xml_sessions("?uploads" if "uploads" in request.query else f"POST to {route.target}")


async def upload_by_form(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Store the file of an HTML form (policy documents); its signature is not checked.

    https://cloud.google.com/storage/docs/xml-api/post-object-forms
    """
    if not request.content_type.startswith("multipart/form-data"):
        raise ApiError(400, "A form must be multipart/form-data; send other uploads to /upload/storage/v1/b/BUCKET/o.")
    fields: dict[str, str] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise ApiError(400, "A form must contain only fields and a file, not another multipart body.")
        if part.name != "file":
            fields[(part.name or "").lower()] = (await part.read_chunk(LONGEST_FIELD_BYTES)).decode("utf-8", "replace")
            await part.release()
            continue
        name = fields.get("key", "").replace("${filename}", part.filename or "")
        facts = {"contentType": UNKNOWN, **facts_in(fields)}
        incoming = await store.files.write(_chunks_of(part))
        target = target_of(route.bucket, name)
        stored = await store.put(target, Preconditions(), facts, await incoming.finish())
        return web.Response(status=204, headers=_as_xml_api(stored))
    raise ApiError(400, "The form's last field must be the file, with the name 'file'.")


def target_of(bucket: str | None, name: object) -> ObjectName:
    """Return the object that an upload names."""
    if not isinstance(name, str) or not name:
        raise ApiError(400, "An upload needs the object's name, as a parameter or in its metadata.")
    target = ObjectName(bucket or "", name)
    check_writable(target)
    return target


async def _chunks_of(part: BodyPartReader) -> Any:
    while chunk := await part.read_chunk():
        yield chunk


def _target(route: Route) -> ObjectName:
    if route.target is None:
        raise ApiError(400, "The path must name an object.")
    return route.target


def _as_xml_api(stored: Stored) -> dict[str, str]:
    return {
        "ETag": f'"{as_hex(stored.content.md5)}"' if stored.content.md5 else f'"{stored.etag}"',
        "x-goog-generation": str(stored.generation),
        "x-goog-metageneration": str(stored.metageneration),
        "x-goog-hash": as_hash_header(stored.content),
        "x-goog-stored-content-length": str(stored.content.size),
        "x-goog-stored-content-encoding": stored.facts.get("contentEncoding", "identity"),
    }


def _no_xml_sessions(request_part: str) -> ApiError:
    return ApiError(
        400,
        f"The local object store has no multipart or resumable uploads of the XML API ({request_part}). Upload "
        "with the JSON API (uploadType=resumable, the client libraries' default), or PUT the whole file to the signed "
        "URL.",
    )
