"""Parse the JSON object in a request's body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from shared.emulators.bigquery.errors import ApiError

_BODY: web.RequestKey[Mapping[str, Any]] = web.RequestKey("json_object")


def parse_object(content: bytes) -> Mapping[str, Any]:
    """Parse a request's JSON object; an empty body is an empty object.

    Raises:
        ApiError: invalid: the content is not a JSON object.
    """
    if not content.strip():
        return {}
    try:
        document = json.loads(content, parse_constant=_refuse_constant)
    except ValueError as error:
        raise ApiError("invalid", f"Invalid JSON payload received: {error}") from error
    if not isinstance(document, dict):
        raise ApiError("invalid", "Invalid JSON payload received: it is not an object")
    return document


async def body_of(request: web.Request) -> Mapping[str, Any]:
    """Return a request's JSON object, which is parsed once.

    Raises:
        ApiError: invalid: the body is not a JSON object.
    """
    if _BODY not in request:
        request[_BODY] = parse_object(await request.read())
    return request[_BODY]


def replace_body(request: web.Request, body: Mapping[str, Any]) -> None:
    """Replace the object that ``body_of`` returns."""
    request[_BODY] = body


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
