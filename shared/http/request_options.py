"""Read the options of a request: ``?record=``, ``Idempotency-Key``, and the name of a file."""

from __future__ import annotations

from flask import Request
from werkzeug.http import parse_options_header

from shared.errors import BadRequest
from shared.pipeline.receive import is_unicode

MAX_KEY_CHARACTERS = 255
MAX_NAME_BYTES = 1024
"""Limit of a file's name in UTF-8, which is that of an object's name in Cloud Storage."""


def wants_record(request: Request, default: str = "true") -> bool:
    """Read ``?record=``; ``default`` if it is missing.

    Raises:
        BadRequest: it is neither ``true`` nor ``false``.
    """
    value = request.args.get("record", default).lower()
    if value not in ("true", "false"):
        raise BadRequest(f"?record= is {value[:40]!r}, expected true or false.")
    return value == "true"


def idempotency_key(request: Request) -> str | None:
    """Read ``Idempotency-Key``; None if it is missing.

    Raises:
        BadRequest: it is empty or too long.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= MAX_KEY_CHARACTERS:
        raise BadRequest(f"Idempotency-Key has {len(key)} characters, expected 1 to {MAX_KEY_CHARACTERS}.")
    return key


def file_name(request: Request) -> str | None:
    """Read the file name in ``Content-Disposition`` (RFC 6266), with its folders if it has any; None without one.

    Raises:
        BadRequest: it is too long, or not valid Unicode.
    """
    _, parameters = parse_options_header(request.headers.get("Content-Disposition"))
    name = parameters.get("filename")
    if name and (not is_unicode(name) or len(name.encode()) > MAX_NAME_BYTES):
        raise BadRequest(
            f"The file name in Content-Disposition is invalid, expected at most {MAX_NAME_BYTES:,} bytes of UTF-8."
        )
    return name or None
