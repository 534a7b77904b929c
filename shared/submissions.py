"""Step 1 of an HTTPS call: a request becomes the images that it carries."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from flask import Request

from shared import identity
from shared.errors import BadRequest
from shared.identity import Identity
from shared.pipeline import Pipeline
from shared.receive import is_unicode
from shared.settings import Settings
from shared.types import Call, ImageFacts

MAX_KEY_CHARACTERS = 255

MAX_URI_BODY_BYTES = 16 * 1024
"""For the JSON that names an object, whose name has 1,024 bytes at most."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One image of a request."""

    content: bytes
    facts: ImageFacts
    who: Identity


def is_multipart(request: Request) -> bool:
    """Whether the request carries files in a form, which are answered as a list."""
    return request.mimetype == "multipart/form-data"


def wants_record(request: Request) -> bool:
    """Read ``?record=``; left out it is true.

    Raises:
        BadRequest: it is neither ``true`` nor ``false``.
    """
    given = request.args.get("record", "true").lower()
    if given not in ("true", "false"):
        raise BadRequest(f"?record= is {given[:40]!r}, expected true or false.")
    return given == "true"


def submissions(
    request: Request, call: Call, pipeline: Pipeline, settings: Settings
) -> Generator[Submission, None, None]:
    """Yield the images of a request, in order: files of a form, the object of a ``uri``, or the raw body.

    Room for the bytes is held until the generator is closed.

    Raises:
        Busy: there is no room for the request's body; it was not read.
        BadRequest: no image, too many, a malformed body, or a bucket that callers may not name.
        AlreadyDone: there is no such object.
    """
    if request.mimetype == "application/json":
        request.max_content_length = MAX_URI_BODY_BYTES
        yield from _object(request, pipeline, settings)
        return
    length = settings.max_request_bytes if request.content_length is None else request.content_length
    with pipeline.memory.room_for_file(length):
        if is_multipart(request):
            yield from _files(request, call, settings)
        else:
            yield _body(request, call)


def _files(request: Request, call: Call, settings: Settings) -> Iterator[Submission]:
    files = [file for _, file in request.files.items(multi=True)]
    if not files:
        raise BadRequest("The form has no file, expected one or more, as in: curl -F image=@photo.jpg")
    if len(files) > settings.max_images_per_request:
        raise BadRequest(f"The form has {len(files)} files, expected at most {settings.max_images_per_request}.", 413)
    for index, file in enumerate(files):
        yield _submission(file.read(), file.filename, file.mimetype, index, request, call)


def _body(request: Request, call: Call) -> Submission:
    content = request.get_data(cache=False)  # a request lives on until the next garbage collection
    if not content:
        raise BadRequest("The body is empty, expected the bytes of an image.")
    # curl --data-binary claims a form where nothing else was said, which is no claim about the image
    content_type = request.mimetype if request.mimetype.startswith("image/") else None
    return _submission(content, None, content_type, 0, request, call)


def _object(request: Request, pipeline: Pipeline, settings: Settings) -> Iterator[Submission]:
    document = request.get_json(silent=True)
    uri = document.get("uri") if isinstance(document, dict) else None
    if not isinstance(uri, str):
        raise BadRequest('The body is JSON without a "uri", expected {"uri": "gs://bucket/name"}.')
    scheme, _, path = uri.partition("://")
    bucket, _, name = path.partition("/")
    if scheme != "gs" or not bucket or not name or not is_unicode(name):
        raise BadRequest(f"The uri is {uri[:200]!r}, expected gs://bucket/name.")
    if bucket not in settings.readable_buckets:
        raise BadRequest(f"The bucket {bucket[:200]!r} may not be named here; READABLE_BUCKETS lists which may.", 403)
    upload = pipeline.store.find(bucket, name)
    with pipeline.memory.room_for_file(min(upload.size_bytes, settings.max_image_bytes)):
        content = pipeline.store.read(upload.ref, settings.max_image_bytes)
        facts = ImageFacts(
            bucket=bucket,
            name=name,
            generation=upload.ref.generation,
            size_bytes=len(content),
            content_type=upload.content_type or None,
        )
        yield Submission(content, facts, identity.of_object(upload.ref))


def _submission(
    content: bytes, name: str | None, content_type: str | None, index: int, request: Request, call: Call
) -> Submission:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= MAX_KEY_CHARACTERS:
        raise BadRequest(f"Idempotency-Key has {len(key)} characters, expected 1 to {MAX_KEY_CHARACTERS}.")
    sha256 = hashlib.sha256(content).hexdigest()
    facts = ImageFacts(size_bytes=len(content), content_type=content_type, sha256=sha256, name=name or None)
    return Submission(content, facts, identity.of_request(key, call.caller, index, sha256, call.received_at))
