"""``python -m shared.local.releases.front``: splits HTTPS calls between revisions, as Cloud Run's own front does.

A call with an ``Idempotency-Key`` goes to the same revision again; any other to one by chance.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import click
from aiohttp import web
from yarl import URL

from shared.local.cloud import HOST
from shared.local.releases.routing import Router
from shared.local.until_signal import serve_app

ANSWER_TIMEOUT_S = 300.0
LARGEST_BODY = 40 * 1024 * 1024
OF_ONE_CONNECTION = frozenset(
    ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length")
)
"""https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1; lengths are counted anew."""

SESSION = web.AppKey("session", aiohttp.ClientSession)


def front_app(router: Router) -> web.Application:
    """Return the app that passes every call on."""

    async def pass_on(request: web.Request) -> web.StreamResponse:
        key = request.headers.get("Idempotency-Key") or uuid.uuid4().hex
        url = f"{router.url(key)}{request.raw_path}"
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in OF_ONE_CONNECTION]
        body = await request.read()
        try:
            call = request.app[SESSION].request(
                request.method, URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
            )
            async with call as answer:
                return _answer(answer, await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError):
            message = "The revision that this call fell to does not answer; send it again."
            error = {"code": 503, "reason": "unavailable", "message": message}
            return web.json_response({"error": error}, status=503, headers={"Retry-After": "1"})

    app = web.Application(client_max_size=LARGEST_BODY)
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
@click.option("--target", required=True, help="Who gets everything while nothing is released.")
def main(port: int, releases: Path, service: str, target: str) -> None:
    """Split HTTPS calls between the revisions of a service on the laptop."""
    app = front_app(Router(releases, service, target))
    try:
        serve_app(app, HOST, port)
    except OSError as error:
        raise click.ClickException(f"The front cannot listen on {HOST}:{port}: {error.strerror}.") from error


if __name__ == "__main__":
    main()
