"""The proxy as a web application: every request is routed, spoilt where a fault says so, answered and recorded."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable

from aiohttp import web

from shared.local.storage_proxy.batch import run_batch
from shared.local.storage_proxy.buckets import change_bucket, create_bucket, delete_bucket, tell_of_folders
from shared.local.storage_proxy.control import PREFIX, Control
from shared.local.storage_proxy.faults import Fault, Faults, spoilt, truncated
from shared.local.storage_proxy.gate import WHOLE_BODY, Gate, Handler
from shared.local.storage_proxy.names import check_bucket
from shared.local.storage_proxy.objects import (
    copy_object,
    delete_object,
    forwarded,
    read_object,
    refuse_change,
    write_object,
)
from shared.local.storage_proxy.refusals import CLIENT_CLOSED_REQUEST, Refused, error_answer
from shared.local.storage_proxy.resumable import ResumableUploads
from shared.local.storage_proxy.routes import Action, Route, route_of
from shared.local.storage_proxy.uploads import upload_whole
from shared.local.storage_proxy.upstream import upstream_at

LARGEST_BODY_BYTES = 1024 * 1024 * 1024


def proxy_app(upstream_url: str, public_host: str, faults: Faults) -> web.Application:
    """Return the proxy.

    Args:
        upstream_url: where fake-gcs-server listens.
        public_host: ``host:port`` of the proxy.
        faults: those that are set from the start.
    """
    app = web.Application(client_max_size=LARGEST_BODY_BYTES)

    async def connected(app: web.Application) -> AsyncIterator[None]:
        async with upstream_at(upstream_url, public_host) as upstream:
            app[DOOR] = Door(Gate(upstream), faults)
            yield

    async def answer(request: web.Request) -> web.StreamResponse:
        return await request.app[DOOR].answer(request)

    app.cleanup_ctx.append(connected)
    app.router.add_route("*", "/{path:.*}", answer)
    return app


class Door:
    """Where every request comes in."""

    def __init__(self, gate: Gate, faults: Faults) -> None:
        self._gate = gate
        self._faults = faults
        self._control = Control(gate.upstream, faults)
        self._resumable = ResumableUploads()
        self._handlers: dict[Action, Handler] = {
            Action.READ: read_object,
            Action.DELETE: delete_object,
            Action.COPY: copy_object,
            Action.COMPOSE: write_object,
            Action.PUT_FILE: write_object,
            Action.UPLOAD: self._upload,
            Action.CHANGE_METADATA: refuse_change,
            Action.CREATE_BUCKET: create_bucket,
            Action.CHANGE_BUCKET: change_bucket,
            Action.DELETE_BUCKET: delete_bucket,
            Action.FOLDERS: tell_of_folders,
            Action.BATCH: run_batch,
            Action.UNSUPPORTED: refuse_unsupported,
            Action.OTHER: forward,
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, and record it."""
        if request.path.startswith(PREFIX):
            return await _refusals_answered(self._control.handle(request))
        started = time.perf_counter()
        fault = self._faults.strike(request)
        answer = await self._answer_with(request, fault) if fault else await self._answer(request)
        self._control.record(request, answer.status, started, fault)
        return answer

    async def _answer_with(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        request[WHOLE_BODY] = True
        if fault.kind == "truncate":
            return await truncated(request, await self._answer(request))
        if fault.after:
            answer = await self._answer(request)
            return await spoilt(request, fault) or answer
        return await spoilt(request, fault) or await self._answer(request)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        return await _refusals_answered(self._routed(request))

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
    """Send on what needs nothing of ours, such as listing."""
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
