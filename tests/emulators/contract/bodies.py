"""Reads what travels in a body: JSON, the metadata of an upload, the requests of a batch."""

from __future__ import annotations

import email
import email.policy
import json
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from tests.emulators.contract.wire import Exchange


class Undocumented(Exception):
    """A request is for nothing that the document has, or cannot be read."""


def json_in(content: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        Undocumented: it is none; NaN and its like are not JSON.
    """

    def refuse(constant: str) -> None:
        raise Undocumented(f"{constant} is not JSON")

    try:
        return json.loads(content, parse_constant=refuse)
    except ValueError as error:
        raise Undocumented(f"{content[:80]!r} is not JSON: {error}") from error


def metadata_of_upload(exchange: Exchange) -> bytes:
    """Return the first of the two parts of an upload in one request.

    Raises:
        Undocumented: it has not two parts, or the first is not JSON.
    """
    parts = _parts(exchange)
    if len(parts) != 2 or parts[0].get_content_type() != "application/json":
        raise Undocumented(f"an upload in one request has {len(parts)} parts, expected JSON and the file")
    return _content(parts[0])


def requests_of_batch(exchange: Exchange) -> Iterator[Exchange]:
    """Yield the requests in a batch, without their answers.

    Raises:
        Undocumented: it has no parts, or a part is not a request.
    """
    for part in _parts(exchange):
        head, _, body = _content(part).replace(b"\r\n", b"\n").partition(b"\n\n")
        line, _, headers = head.decode().partition("\n")
        try:
            verb, target, *_ = line.split()
        except ValueError as error:
            raise Undocumented(f"a part of the batch begins with {line!r}, expected a request line") from error
        answer_headers = {name.lower(): value for name, value in email.message_from_string(headers).items()}
        yield Exchange(verb, urlsplit(target)._replace(scheme="", netloc="").geturl(), answer_headers, body)


def _parts(exchange: Exchange) -> list[EmailMessage]:
    kind = exchange.headers.get("content-type", "")
    content = b"Content-Type: " + kind.encode() + b"\r\n\r\n" + exchange.body
    message = email.message_from_bytes(content, policy=email.policy.HTTP)
    if not message.is_multipart():
        raise Undocumented(f"the body cannot be read as {kind!r}, expected parts")
    return [part for part in message.iter_parts() if isinstance(part, EmailMessage)]


def _content(part: EmailMessage) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""
