"""What a request may say beside its image: ``?record=``, ``Idempotency-Key``, and the name of a file."""

from __future__ import annotations

from flask import Request
from werkzeug.http import parse_options_header

from shared.errors import BadRequest
from shared.pipeline.receive import is_unicode

MAX_KEY_CHARACTERS = 255
MAX_NAME_BYTES = 1024
"""Of a file, in UTF-8: as of an object in Cloud Storage."""


def wants_record(request: Request, unsaid: str = "true") -> bool:
    """Read ``?record=``; left out it is ``unsaid``.

    Raises:
        BadRequest: it is neither ``true`` nor ``false``.
    """
    given = request.args.get("record", unsaid).lower()
    if given not in ("true", "false"):
        raise BadRequest(f"?record= is {given[:40]!r}, expected true or false.")
    return given == "true"


def idempotency_key(request: Request) -> str | None:
    """Read ``Idempotency-Key``.

    Raises:
        BadRequest: it is empty or too long.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= MAX_KEY_CHARACTERS:
        raise BadRequest(f"Idempotency-Key has {len(key)} characters, expected 1 to {MAX_KEY_CHARACTERS}.")
    return key


def file_name(request: Request) -> str | None:
    """Read the file name that ``Content-Disposition`` gives (RFC 6266), with its folders where it has any.

    Raises:
        BadRequest: it is too long, or no text.
    """
    _, parameters = parse_options_header(request.headers.get("Content-Disposition"))
    name = parameters.get("filename")
    if name and (not is_unicode(name) or len(name.encode()) > MAX_NAME_BYTES):
        raise BadRequest(f"Content-Disposition names no file of at most {MAX_NAME_BYTES:,} bytes in UTF-8.")
    return name or None
