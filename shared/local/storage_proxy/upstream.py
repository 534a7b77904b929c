"""The store behind the proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from shared.local.storage_proxy.names import ObjectName
from shared.local.storage_proxy.preconditions import Live
from shared.local.storage_proxy.refusals import Refused

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 60.0

HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade"}
NOT_FORWARDED = HOP_BY_HOP | {"transfer-encoding", "host", "expect", "content-length"}
"""Headers that speak of one connection (RFC 9110, 7.6.1), or that are written anew."""


class Upstream:
    """A client of fake-gcs-server. Whatever keeps it from answering becomes a refusal with 503."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url.rstrip("/")
        self._session = session

    @asynccontextmanager
    async def request(
        self, method: str, raw_path: str, headers: Mapping[str, str] | None = None, data: Any = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request, and give its answer as soon as the headers are there.

        Args:
            method: in capitals.
            raw_path: path and query, percent-encoded.
            headers: of the client; those of the connection are left out.
            data: bytes, or an asynchronous iterator of bytes.
        """
        url = URL(self.url + raw_path, encoded=True)
        with _unreachable_is_503(self.url):
            answer = await self._session.request(method, url, headers=headers, data=data, allow_redirects=False)
        try:
            yield answer
        finally:
            answer.release()

    async def read(self, answer: aiohttp.ClientResponse) -> bytes:
        """Return the whole body of an answer."""
        with _unreachable_is_503(self.url):
            return await answer.read()

    async def read_some(self, answer: aiohttp.ClientResponse) -> bytes:
        """Return the next bytes of an answer's body, empty at its end."""
        with _unreachable_is_503(self.url):
            return await answer.content.readany()

    async def live(self, target: ObjectName) -> Live | None:
        """Return what an object is now, or None where there is none. Hold its lock to make it stay so."""
        path = f"/storage/v1/b/{quote(target.bucket, safe='')}/o/{quote(target.name, safe='')}"
        async with self.request("GET", path) as answer:
            if answer.status == 404:
                return None
            if answer.status != 200:
                raise Refused(503, f"The object store answered {answer.status} when asked for {target}.")
            resource = await answer.json()
        return Live(int(resource["generation"]), int(resource["metageneration"]))

    async def is_ready(self) -> bool:
        """Tell whether the store answers."""
        try:
            async with self.request("GET", "/_internal/healthcheck") as answer:
                return answer.status == 200
        except Refused:
            return False


@asynccontextmanager
async def upstream_at(url: str, public_host: str) -> AsyncIterator[Upstream]:
    """Hold connections to the store for the length of the block.

    Args:
        url: of the store.
        public_host: ``host:port`` of the proxy. Always sent as Host, because the store takes the names of buckets
            out of other hosts.
    """
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=ANSWER_TIMEOUT_S)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=None),
        timeout=timeout,
        headers={"Host": public_host},
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield Upstream(url, session)


def end_to_end(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that are meant for the other end."""
    return {name: value for name, value in headers.items() if name.lower() not in NOT_FORWARDED}


@contextmanager
def _unreachable_is_503(url: str) -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Refused(503, f"The object store at {url} does not answer ({type(error).__name__}); try again.") from error
