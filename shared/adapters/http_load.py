"""Send the requests of a load test with aiohttp: connections stay open; no redirect, no proxy, no cookie."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.errors import BadRequest
from shared.pipeline.probe import MARK

MAX_RESPONSE_BYTES = 1 << 20
COMPUTING = ("decode_ms", "classify_ms")
NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of a request."""

    status: int
    """HTTP status; 0 where there was no complete response."""
    compute_ms: float | None = None
    """Decoding and inference, from the response's ``times``."""
    location: str | None = None
    """Target of a redirect, which is not followed."""
    why: str = ""
    """The kind of fault where there was no response, for the person who tests."""


class HttpSender:
    """A sender of pictures to a deployment; an asynchronous context.

    Args:
        url: URL of classify-request, without a slash at the end.
        token: an identity token, or None.
        connections: the most connections that are open at the same time.
        timeout_s: limit of one request.
        record: whether requests leave rows and pictures.
        is_surprising: returns whether an address must be refused. It is called for each connection, so that a name
            whose address changes during the test is refused, too.
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
        self._headers = {"Content-Type": "application/octet-stream", "User-Agent": "bucketlens-load", **MARK}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._connections, self._timeout_s, self._is_surprising = connections, timeout_s, is_surprising

    async def __aenter__(self) -> HttpSender:
        """Open the session."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, resolver=_GuardedResolver(self._is_surprising)),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._session.close()

    async def send(self, content: bytes) -> Reply:
        """Send a picture to be classified; a service that fails is a status, or 0.

        Raises:
            BadRequest: the URL's name leads to an address that it must not.
        """
        try:
            async with self._session.post(
                self._address, data=content, headers=self._headers, allow_redirects=False
            ) as response:
                body = bytearray()
                async for chunk in response.content.iter_chunked(1 << 16):
                    body += chunk
                    if len(body) > MAX_RESPONSE_BYTES:
                        return Reply(NO_ANSWER, why=f"a response of more than {MAX_RESPONSE_BYTES >> 20} MiB")
                return Reply(response.status, _compute_ms(bytes(body)), response.headers.get("Location"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            surprise = error.__cause__ if isinstance(error.__cause__, _SurprisingAddress) else None
            if surprise:
                raise BadRequest(str(surprise)) from error
            return Reply(NO_ANSWER, why=type(error).__name__)


class _SurprisingAddress(OSError):
    """A name leads to an address that it must not lead to."""


class _GuardedResolver(AbstractResolver):
    def __init__(self, is_surprising: Callable[[str], bool]) -> None:
        self._inner, self._is_surprising = aiohttp.ThreadedResolver(), is_surprising

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        results = await self._inner.resolve(host, port, family)
        surprising = [result["host"] for result in results if self._is_surprising(result["host"])]
        if surprising:
            raise _SurprisingAddress(
                f"{host} leads to {surprising[0]}, which is not a public address; if that is intended, add --private, "
                "or use the address itself."
            )
        return results

    async def close(self) -> None:
        await self._inner.close()


def _compute_ms(body: bytes) -> float | None:
    try:
        times: Any = json.loads(body)["times"]
        return float(sum(times[name] for name in COMPUTING))
    except (ValueError, KeyError, TypeError):
        return None
