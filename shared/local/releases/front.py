"""``python -m shared.local.releases.front``: splits the requests of a function between revisions, as Cloud Run does.

Requests with the same key, such as two deliveries of one event, go to the same revision; a request without a key goes
to a random one.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import aiohttp
import click
from aiohttp import web
from yarl import URL

from shared.emulators.loopback.guard import LOCAL, guard
from shared.emulators.loopback.listening import serve
from shared.emulators.loopback.sockets import socket_option
from shared.local.releases.routing import Router

ANSWER_TIMEOUT_S = 300.0
LARGEST_BODY = 40 * 1024 * 1024
HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length")
)
"""Headers that are not passed on: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1, and the computed length."""

SESSION = web.AppKey("session", aiohttp.ClientSession)


def front_app(router: Router, key_header: str, names: Collection[str] | None = LOCAL) -> web.Application:
    """Return the app that forwards every request to a revision.

    Args:
        router: finds the revision.
        key_header: the header that holds a request's key.
        names: host names by which it may be called; None for any.
    """

    async def forward(request: web.Request) -> web.StreamResponse:
        key = request.headers.get(key_header) or uuid.uuid4().hex
        url = f"{router.url(key)}{request.raw_path}"
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP]
        body = await request.read()
        try:
            call = request.app[SESSION].request(
                request.method, URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
            )
            async with call as answer:
                return _response(answer, await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError):
            message = "The revision that was chosen for this request does not answer; send the request again."
            response = _error(503, message, "unavailable")
            response.headers["Retry-After"] = "1"
            return response

    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[guard(_error, names, may_be_linked=True)])
    app.cleanup_ctx.append(_session)
    app.router.add_get("/_bucketlens/status", _status)
    app.router.add_route("*", "/{path:.*}", forward)
    return app


async def _session(app: web.Application) -> AsyncIterator[None]:
    timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
        app[SESSION] = session
        yield


async def _status(_request: web.Request) -> web.Response:
    return web.json_response({"ready": True})


def _error(status: int, message: str, reason: str = "cross_site") -> web.Response:
    return web.json_response({"error": {"code": status, "reason": reason, "message": message}}, status=status)


def _response(answer: aiohttp.ClientResponse, body: bytes) -> web.Response:
    headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP]
    response = web.Response(status=answer.status, body=body)
    response.headers.clear()
    for name, value in headers:
        response.headers.add(name, value)
    return response


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), required=True, help="The port of the service.")
@click.option("--releases", type=click.Path(path_type=Path), required=True, help="The file with the traffic.")
@click.option("--service", required=True, help="The service whose traffic is split.")
@click.option("--key", default="Idempotency-Key", show_default=True, help="The header that holds a request's key.")
@click.option("--target", required=True, help="The URL that gets all traffic before a release.")
@click.option("--names", default=",".join(sorted(LOCAL)), help="Its host names, with commas; empty for any.")
@socket_option
def main(port: int, descriptor: int | None, releases: Path, service: str, key: str, target: str, names: str) -> None:
    """Split the requests of a service on the local cloud between its revisions."""
    known = {name.partition(":")[0] if name[:1] != "[" else name.strip("[]") for name in names.lower().split(",")}
    serve(front_app(Router(releases, service, target), key, known if names else None), "front", port, descriptor)


if __name__ == "__main__":
    main()
