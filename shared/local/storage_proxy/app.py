"""The proxy as a web application: every request is routed, answered and recorded, and spoilt where a fault says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable

from aiohttp import web

from shared.local.faults.control import add_control
from shared.local.faults.injector import CLIENT_CLOSED_REQUEST, PREFIX, Injector, Service
from shared.local.storage_proxy.batch import run_batch
from shared.local.storage_proxy.buckets import (
    change_bucket,
    create_bucket,
    delete_bucket,
    list_buckets,
    read_bucket,
    tell_of_folders,
)
from shared.local.storage_proxy.gate import Gate, Handler
from shared.local.storage_proxy.listing import list_objects
from shared.local.storage_proxy.names import check_bucket
from shared.local.storage_proxy.objects import (
    copy_object,
    delete_object,
    forwarded,
    read_object,
    refuse_change,
    write_object,
)
from shared.local.storage_proxy.refusals import Refused, error_answer
from shared.local.storage_proxy.resumable import ResumableUploads
from shared.local.storage_proxy.routes import Action, Route, route_of
from shared.local.storage_proxy.uploads import upload_whole
from shared.local.storage_proxy.upstream import upstream_at
from shared.local.storage_proxy.versions import Versions

LARGEST_BODY_BYTES = 1024 * 1024 * 1024


def proxy_app(upstream_url: str, public_host: str, injector: Injector) -> web.Application:
    """Return the proxy.

    Args:
        upstream_url: where fake-gcs-server listens.
        public_host: ``host:port`` of the proxy.
        injector: of ``STORAGE``.
    """
    app = web.Application(client_max_size=LARGEST_BODY_BYTES, middlewares=[injector.middleware])

    async def connected(app: web.Application) -> AsyncIterator[None]:
        async with upstream_at(upstream_url, public_host) as upstream:
            app[DOOR] = Door(Gate(upstream, Versions(upstream)), injector)
            yield

    async def answer(request: web.Request) -> web.StreamResponse:
        return await request.app[DOOR].answer(request)

    async def status(request: web.Request) -> web.Response:
        return await request.app[DOOR].status()

    app.cleanup_ctx.append(connected)
    add_control(app, injector)
    app.router.add_get(f"{PREFIX}status", status)
    app.router.add_route("*", "/{path:.*}", answer)
    return app


class Door:
    """Where every request comes in."""

    def __init__(self, gate: Gate, injector: Injector) -> None:
        self._gate = gate
        self._injector = injector
        self._resumable = ResumableUploads()
        self._handlers: dict[Action, Handler] = {
            Action.READ: read_object,
            Action.DELETE: delete_object,
            Action.COPY: copy_object,
            Action.COMPOSE: write_object,
            Action.PUT_FILE: write_object,
            Action.UPLOAD: self._upload,
            Action.CHANGE_METADATA: refuse_change,
            Action.LIST_OBJECTS: list_objects,
            Action.CREATE_BUCKET: create_bucket,
            Action.READ_BUCKET: read_bucket,
            Action.LIST_BUCKETS: list_buckets,
            Action.CHANGE_BUCKET: change_bucket,
            Action.DELETE_BUCKET: delete_bucket,
            Action.FOLDERS: tell_of_folders,
            Action.BATCH: run_batch,
            Action.UNSUPPORTED: refuse_unsupported,
            Action.OTHER: forward,
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        return await _refusals_answered(self._routed(request))

    async def status(self) -> web.Response:
        """Tell whether the store answers; 503 where it does not."""
        is_ready = await self._gate.upstream.is_ready()
        state = {
            "ready": is_ready,
            "upstream": self._gate.upstream.url,
            "requests": self._injector.records.count,
            "faults": len(self._injector.faults),
        }
        return web.json_response(state, status=200 if is_ready else 503)

    async def _routed(self, request: web.Request) -> web.StreamResponse:
        route = route_of(request.method, request.raw_path.partition("?")[0])
        if route.bucket is not None:
            check_bucket(route.bucket)
        if route.source is not None:
            check_bucket(route.source.bucket)
        return await self._handlers[route.action](request, route, self._gate)

    async def _upload(self, request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
        is_resumable = request.query.get("uploadType") == "resumable" or "upload_id" in request.query
        return await (self._resumable.handle if is_resumable else upload_whole)(request, route, gate)


async def forward(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Send on what needs nothing of ours."""
    return await forwarded(request, route, gate, await request.read())


async def refuse_unsupported(request: web.Request, _route: Route, _gate: Gate) -> web.StreamResponse:
    """Refuse what the store does not do, in a way that no client tries again."""
    raise Refused(400, f"The local object store does not do {request.method} {request.path}.")


async def _refusals_answered(answering: Awaitable[web.StreamResponse]) -> web.StreamResponse:
    try:
        return await answering
    except Refused as refused:
        return error_answer(refused.status, str(refused))
    except web.HTTPRequestEntityTooLarge:
        return error_answer(413, f"The local object store takes {LARGEST_BODY_BYTES:,} bytes at once, and no more.")
    except ConnectionResetError:
        return web.Response(status=CLIENT_CLOSED_REQUEST)  # for the record: the client is gone


DOOR = web.AppKey("door", Door)
STORAGE = Service("storage proxy", error_answer)
