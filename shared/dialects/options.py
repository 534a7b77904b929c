"""What a request may ask for, whatever its dialect: ``?record=`` and ``Idempotency-Key``."""

from __future__ import annotations

from flask import Request

from shared.errors import BadRequest

MAX_KEY_CHARACTERS = 255


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
