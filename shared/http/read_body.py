"""Read a request's body within limits of bytes and time, and JSON out of it."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from threading import Event
from typing import Any, NoReturn

from flask import Request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]  # its stubs are of an older one
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge

from shared.errors import BadRequest
from shared.http.deadlines import alarms

SMALL_BYTES = 64 * 1024
"""Bodies up to this are not counted against the memory budget."""

AT_ONCE_BYTES = 256 * 1024
"""Read at once at most. Below what malloc gives back to the system at once (``shared.images.memory_budget``), which
takes longer than to copy it."""

DROPPED_AT_ONCE_BYTES = 64 * 1024
DROPPING_S = 10.0
"""An unread body is thrown away so much at a time, for so long: who gets the answer while he still sends is cut off."""

ENDED_EARLY = "The body ended before its Content-Length; send it again."

COST_OF = {b",": 40, b"[": 64, b"{": 200, b":": 40, b'"': 30}
"""Bytes of memory that Python's JSON parser makes of each such character at most; measured by tests/http."""


def stated_length(request: Request) -> int:
    """Return the body's length as the caller stated it; unstated, it may be the longest.

    Raises:
        RequestEntityTooLarge: more than a request may have.
    """
    most = request.max_content_length or sys.maxsize
    if (request.content_length or 0) > most:
        raise RequestEntityTooLarge
    return most if request.content_length is None else request.content_length


def read_all(request: Request, seconds: float) -> bytes:
    """Return the body's bytes.

    Raises:
        BadRequest: it did not come within ``seconds``, not to its end, or it is compressed.
    """
    refuse_compressed(request)
    with in_time(request, seconds):
        content = _whole(request)  # not kept by the request, which lives on until the next garbage collection
    if len(content) < (request.content_length or 0):  # gunicorn takes what has come for all of it
        raise BadRequest(ENDED_EARLY)
    return content


def _whole(request: Request) -> bytes:
    """Read in steps as large as gunicorn receives (``gunicorn_worker``): in smaller ones, as are Werkzeug's, it copies
    what it has read ahead again and again.
    """
    stream, content = request.stream, bytearray()  # one block that grows: many small ones would leave holes behind
    while not getattr(stream, "is_exhausted", False):
        piece = stream.read(min(AT_ONCE_BYTES, request.content_length or AT_ONCE_BYTES))
        if not piece:
            break
        content += piece
    return bytes(content)


def refuse_compressed(request: Request) -> None:
    """Refuse a compressed body: a few bytes could become any number.

    Raises:
        BadRequest: it has a Content-Encoding.
    """
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise BadRequest(
            f"The body is encoded as {encoding[:40]!r}, expected none: images are compressed already.", 415
        )


@contextmanager
def in_time(request: Request, seconds: float) -> Iterator[None]:
    """Stop to listen to a caller whose body does not come to its end in time; the answer can still be sent.

    Raises:
        BadRequest: with status 408.
    """
    is_late = Event()
    connection: socket.socket | None = request.environ.get("gunicorn.socket")
    try:
        with alarms.unless_done_in(seconds, lambda: _hang_up(connection, is_late)):
            yield
    except (ClientDisconnected, OSError) as error:
        if not is_late.is_set():
            raise BadRequest(ENDED_EARLY) from error
    except ParseException as error:
        raise BadRequest("The body is not in the pieces that Transfer-Encoding promises; send it again.") from error
    if is_late.is_set():  # also where the server takes what has come for all of it
        raise BadRequest(f"The body was not here after {seconds:.0f} s; send it faster, or a smaller one.", 408)


def _hang_up(connection: socket.socket | None, is_late: Event) -> None:
    is_late.set()
    if connection is not None:  # as in tests, which have the whole body at once
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RD)


def drop_body(request: Request, seconds: float = DROPPING_S) -> bool:
    """Read what is left of a body without keeping it: functions-framework would, after each answer, and keep it.

    Returns:
        Whether the connection can be used again: not where the body is too large to be read, or did not come in time.
    """
    if not request.content_length and "Transfer-Encoding" not in request.headers:
        return True
    try:
        if getattr(request.stream, "is_exhausted", False):
            return True
        with in_time(request, seconds):
            while request.stream.read(DROPPED_AT_ONCE_BYTES):
                pass
    except (HTTPException, BadRequest):
        return False
    finally:
        request.__dict__.pop("stream", None)
        request.environ |= {"wsgi.input": BytesIO(), "CONTENT_LENGTH": "0"}
    return True


def cost_of_parsing(text: bytes) -> int:
    """Return how many bytes the parsed values take at most beside their text."""
    return sum(text.count(character) * cost for character, cost in COST_OF.items())


def parsed(content: bytes) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        BadRequest: it is no JSON object in UTF-8.
    """
    try:
        document = json.loads(content.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise BadRequest("The body is not UTF-8, expected a JSON object.") from error
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body is not JSON, expected a JSON object.") from error
    if not isinstance(document, dict):
        raise BadRequest(f"The body is a JSON {type(document).__name__}, expected an object.")
    return document


def optional_object(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a field that is a JSON object; left out or null it is empty.

    Raises:
        BadRequest: it is something else.
    """
    value = document.get(name)
    if value is not None and not isinstance(value, dict):
        raise BadRequest(f"The field {name} is a {type(value).__name__}, expected an object.")
    return value or {}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
