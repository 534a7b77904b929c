"""Send a load test's requests: aiohttp, connections that stay open, no redirect, no proxy, no cookie."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.errors import BadRequest

LARGEST_ANSWER_BYTES = 1 << 20
COMPUTING = ("decode_ms", "classify_ms")
NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request."""

    status: int
    """0 where there was no whole answer."""
    compute_ms: float | None = None
    """Decoding and inference, as the answer's ``times`` say."""
    location: str | None = None
    """Where a redirect would lead."""
    why: str = ""
    """Of no answer: the kind of fault, for the person who tests."""


class HttpSender:
    """Sends pictures to a deployment; an asynchronous context.

    Args:
        url: of classify-request, without a slash at the end.
        token: an identity token, or None.
        connections: the most at once.
        timeout_s: for one request.
        record: whether requests leave rows and pictures.
        is_surprising: tells of an address that the URL's name must not lead to. It is asked at each connection, so a
            name that changes its address meanwhile is caught.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        connections: int,
        timeout_s: float,
        record: bool,
        is_surprising: Callable[[str], bool],
    ) -> None:
        self._address = f"{url}/v1/classify" + ("" if record else "?record=false")
        self._headers = {"Content-Type": "application/octet-stream", "User-Agent": "bucketlens-load"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._connections, self._timeout_s, self._is_surprising = connections, timeout_s, is_surprising

    async def __aenter__(self) -> HttpSender:
        """Open the session."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, resolver=_Guarded(self._is_surprising)),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._session.close()

    async def send(self, content: bytes) -> Reply:
        """Have a picture classified; a service that fails is a status, or 0.

        Raises:
            BadRequest: the URL's name leads to an address that it must not.
        """
        try:
            async with self._session.post(
                self._address, data=content, headers=self._headers, allow_redirects=False
            ) as answer:
                body = bytearray()
                async for chunk in answer.content.iter_chunked(1 << 16):
                    body += chunk
                    if len(body) > LARGEST_ANSWER_BYTES:
                        return Reply(NO_ANSWER, why=f"an answer of more than {LARGEST_ANSWER_BYTES >> 20} MiB")
                return Reply(answer.status, _compute_ms(bytes(body)), answer.headers.get("Location"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            surprise = error.__cause__ if isinstance(error.__cause__, _Surprise) else None
            if surprise:
                raise BadRequest(str(surprise)) from error
            return Reply(NO_ANSWER, why=type(error).__name__)


class _Surprise(OSError):
    """A name leads where it must not."""


class _Guarded(AbstractResolver):
    def __init__(self, is_surprising: Callable[[str], bool]) -> None:
        self._inner, self._is_surprising = aiohttp.ThreadedResolver(), is_surprising

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        surprising = [one["host"] for one in found if self._is_surprising(one["host"])]
        if surprising:
            raise _Surprise(
                f"{host} leads to {surprising[0]}, which is no public address; if that is meant, add --private, or "
                "name the address itself."
            )
        return found

    async def close(self) -> None:
        await self._inner.close()


def _compute_ms(body: bytes) -> float | None:
    try:
        times: Any = json.loads(body)["times"]
        return float(sum(times[name] for name in COMPUTING))
    except (ValueError, KeyError, TypeError):
        return None
