"""Read a request's body within limits of bytes and time, and parse its JSON."""

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
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]  # its type stubs are of an older version
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge

from shared.errors import BadRequest
from shared.http.deadlines import deadlines

SMALL_BYTES = 64 * 1024
"""Bodies up to this are not counted against the memory budget."""

READ_CHUNK_BYTES = 256 * 1024
"""Bytes of one read. A larger block exceeds malloc's mmap threshold (``shared.images.memory_budget``), and to return
it to the system takes longer than to copy it."""

DRAIN_CHUNK_BYTES = 64 * 1024
DRAIN_S = 10.0
"""How long an unread body is read and discarded: a client that still sends when it gets the answer sees a reset."""

ENDED_EARLY = "The body ended before its Content-Length; send the request again."

COST_OF = {b",": 40, b"[": 64, b"{": 200, b":": 40, b'"': 30}
"""The most bytes of memory that Python's JSON parser takes for each such character; measured by tests/http."""


def stated_length(request: Request) -> int:
    """Return the body's Content-Length in bytes; without one, the limit.

    Raises:
        RequestEntityTooLarge: it is over the limit.
    """
    most = request.max_content_length or sys.maxsize
    if (request.content_length or 0) > most:
        raise RequestEntityTooLarge
    return most if request.content_length is None else request.content_length


def read_all(request: Request, seconds: float) -> bytes:
    """Read the whole body.

    Raises:
        BadRequest: it did not arrive within ``seconds`` (408), ended early (400), or is compressed (415).
    """
    refuse_compressed(request)
    with within_deadline(request, seconds):
        content = _whole(request)  # not get_data(): the request would keep the bytes until the next garbage collection
    if len(content) < (request.content_length or 0):  # gunicorn does not report a body that ends early
        raise BadRequest(ENDED_EARLY)
    return content


def _whole(request: Request) -> bytes:
    """Read the body in steps of the size that gunicorn receives (``gunicorn_worker``).

    Before each smaller step, such as Werkzeug's, gunicorn would copy all that it has read ahead.
    """
    stream, content = request.stream, bytearray()  # one block that grows: many small ones would fragment the heap
    while not getattr(stream, "is_exhausted", False):
        piece = stream.read(min(READ_CHUNK_BYTES, request.content_length or READ_CHUNK_BYTES))
        if not piece:
            break
        content += piece
    return bytes(content)


def refuse_compressed(request: Request) -> None:
    """Refuse a compressed body: a few bytes could decompress to any number of bytes.

    Raises:
        BadRequest: it has a Content-Encoding.
    """
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise BadRequest(
            f"The Content-Encoding is {encoding[:40]!r}, expected none: images are compressed already.", 415
        )


@contextmanager
def within_deadline(request: Request, seconds: float) -> Iterator[None]:
    """Stop reading a body that does not end in time; the answer can still be sent.

    Raises:
        BadRequest: with status 408.
    """
    is_late = Event()
    connection: socket.socket | None = request.environ.get("gunicorn.socket")
    try:
        with deadlines.call_after(seconds, lambda: _hang_up(connection, is_late)):
            yield
    except (ClientDisconnected, OSError) as error:
        if not is_late.is_set():
            raise BadRequest(ENDED_EARLY) from error
    except ParseException as error:
        raise BadRequest("The body is not in the chunks of its Transfer-Encoding; send the request again.") from error
    if is_late.is_set():  # also if gunicorn took the part that had arrived for the whole body
        raise BadRequest(f"The body did not arrive within {seconds:.0f} s; send it faster, or send a smaller one.", 408)


def _hang_up(connection: socket.socket | None, is_late: Event) -> None:
    is_late.set()
    if connection is not None:  # None in Flask's test client, which has no socket
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RD)


def drain_body(request: Request, seconds: float = DRAIN_S) -> bool:
    """Read the rest of a body and discard it; without this, functions-framework reads and keeps it after each answer.

    Returns:
        Whether the connection can be used again: not if the body is too large to be read, or did not arrive in time.
    """
    if not request.content_length and "Transfer-Encoding" not in request.headers:
        return True
    try:
        if getattr(request.stream, "is_exhausted", False):
            return True
        with within_deadline(request, seconds):
            while request.stream.read(DRAIN_CHUNK_BYTES):
                pass
    except (HTTPException, BadRequest):
        return False
    finally:
        request.__dict__.pop("stream", None)
        request.environ |= {"wsgi.input": BytesIO(), "CONTENT_LENGTH": "0"}
    return True


def cost_of_parsing(text: bytes) -> int:
    """Return the most bytes that the parsed values of a JSON text take, in addition to the text."""
    return sum(text.count(character) * cost for character, cost in COST_OF.items())


def parse_object(content: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        BadRequest: it is not a JSON object in UTF-8.
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
    """Return a field that is a JSON object; an empty one if the field is missing or null.

    Raises:
        BadRequest: the field has another type.
    """
    value = document.get(name)
    if value is not None and not isinstance(value, dict):
        raise BadRequest(f"The field {name} is a {type(value).__name__}, expected an object.")
    return value or {}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
