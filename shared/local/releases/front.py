"""``python -m shared.local.releases.front``: splits the calls of a function between revisions, as Cloud Run does.

Calls with the same key, such as the two deliveries of one event, go to the same revision; a call without one goes to
any, by chance.
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
OF_ONE_CONNECTION = frozenset(
    ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length")
)
"""https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1; lengths are counted anew."""

SESSION = web.AppKey("session", aiohttp.ClientSession)


def front_app(router: Router, key_header: str, names: Collection[str] | None = LOCAL) -> web.Application:
    """Return the app that passes every call on.

    Args:
        router: finds the revision.
        key_header: the header that holds a call's key.
        names: by which callers may call it; None for any.
    """

    async def pass_on(request: web.Request) -> web.StreamResponse:
        key = request.headers.get(key_header) or uuid.uuid4().hex
        url = f"{router.url(key)}{request.raw_path}"
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in OF_ONE_CONNECTION]
        body = await request.read()
        try:
            call = request.app[SESSION].request(
                request.method, URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
            )
            async with call as answered:
                return _answer(answered, await answered.read())
        except (aiohttp.ClientError, TimeoutError, OSError):
            message = "The revision that this call fell to does not answer; send it again."
            answer = _error(503, message, "unavailable")
            answer.headers["Retry-After"] = "1"
            return answer

    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[guard(_error, names, may_be_linked=True)])
    app.cleanup_ctx.append(_session)
    app.router.add_get("/_bucketlens/status", _status)
    app.router.add_route("*", "/{path:.*}", pass_on)
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


def _answer(answer: aiohttp.ClientResponse, body: bytes) -> web.Response:
    headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in OF_ONE_CONNECTION]
    response = web.Response(status=answer.status, body=body)
    response.headers.clear()
    for name, value in headers:
        response.headers.add(name, value)
    return response


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), required=True, help="Where callers find the service.")
@click.option("--releases", type=click.Path(path_type=Path), required=True, help="The file that says who gets what.")
@click.option("--service", required=True, help="Whose traffic it is.")
@click.option("--key", default="Idempotency-Key", show_default=True, help="The header that holds a call's key.")
@click.option("--target", required=True, help="Who gets everything while nothing is released.")
@click.option("--names", default=",".join(sorted(LOCAL)), help="By which it may be called, with commas; empty for any.")
@socket_option
def main(port: int, descriptor: int | None, releases: Path, service: str, key: str, target: str, names: str) -> None:
    """Split the calls of a service on the laptop between its revisions."""
    known = {name.partition(":")[0] if name[:1] != "[" else name.strip("[]") for name in names.lower().split(",")}
    serve(front_app(Router(releases, service, target), key, known if names else None), "front", port, descriptor)


if __name__ == "__main__":
    main()
