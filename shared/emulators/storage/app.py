"""The object store as a web application: requests are routed, answered and recorded, with faults on request."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import ClientPayloadError, web

from shared.emulators.faults.control import add_control
from shared.emulators.faults.injector import CLIENT_CLOSED_REQUEST, PREFIX, Injector, Service
from shared.emulators.loopback.guard import guard
from shared.emulators.storage.announcer import Announcer
from shared.emulators.storage.batch import run_batch
from shared.emulators.storage.buckets import (
    change_bucket,
    create_bucket,
    delete_bucket,
    list_buckets,
    read_bucket,
    read_folders,
)
from shared.emulators.storage.copies import compose_object, copy_object
from shared.emulators.storage.errors import ApiError, error_answer
from shared.emulators.storage.listing import list_objects
from shared.emulators.storage.names import check_bucket
from shared.emulators.storage.objects import change_object, delete_object, read_object
from shared.emulators.storage.resumable import ResumableUploads
from shared.emulators.storage.routes import Action, Route, route_of
from shared.emulators.storage.store import Store
from shared.emulators.storage.uploads import put_file, refuse_xml_post, upload_by_form, upload_whole

Handler = Callable[[web.Request, Route, Store], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)


def store_app(store: Store, injector: Injector, relay: str | None = None) -> web.Application:
    """Return the object store's application, which closes its store at the end.

    Args:
        store: the store that it serves.
        injector: the fault injector of ``STORAGE``.
        relay: URL of the relay, which gets the uploads to the store's announced bucket; None for none.
    """
    app = web.Application(middlewares=[guard(error_answer), injector.middleware])
    dispatcher, announcer = Dispatcher(store), Announcer(store, relay) if relay else None

    async def status(_request: web.Request) -> web.Response:
        records, faults = injector.records.count, len(injector.faults)
        unannounced = announcer.waiting if announcer else 0
        state = {"ready": True, "requests": records, "faults": faults, "unannounced": unannounced}
        return web.json_response(state)

    async def announcing(_app: web.Application) -> AsyncIterator[None]:
        running = asyncio.create_task(announcer.run()) if announcer else None
        yield
        if announcer and running:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            await announcer.forget_sent()
        store.close()

    app.cleanup_ctx.append(announcing)
    add_control(app, injector)
    app.router.add_get(f"{PREFIX}status", status)
    app.router.add_route("*", "/{path:.*}", dispatcher.answer)
    return app


class Dispatcher:
    """Passes every request to the handler of its action, and turns exceptions into errors of the API."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._resumable = ResumableUploads()
        self._handlers: dict[Action, Handler] = {
            Action.READ: read_object,
            Action.DELETE: delete_object,
            Action.COPY: copy_object,
            Action.COMPOSE: compose_object,
            Action.PUT_FILE: put_file,
            Action.POST_FILE: refuse_xml_post,
            Action.FORM: upload_by_form,
            Action.UPLOAD: self._upload,
            Action.CHANGE_METADATA: change_object,
            Action.LIST_OBJECTS: list_objects,
            Action.CREATE_BUCKET: create_bucket,
            Action.READ_BUCKET: read_bucket,
            Action.LIST_BUCKETS: list_buckets,
            Action.CHANGE_BUCKET: change_bucket,
            Action.DELETE_BUCKET: delete_bucket,
            Action.FOLDERS: read_folders,
            Action.BATCH: run_batch,
            Action.UNSUPPORTED: refuse_unsupported,
            Action.OTHER: refuse_unknown_path,
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        try:
            return await self._routed(request)
        except ApiError as error:
            return error_answer(error.status, str(error))
        except web.HTTPException:
            raise
        except (ConnectionResetError, ClientPayloadError):
            return web.Response(status=CLIENT_CLOSED_REQUEST)  # only for the record: the client has disconnected
        except (OSError, sqlite3.Error) as error:
            log.exception("%s %s failed", request.method, request.path)
            message = f"The object store could not read or write its files ({type(error).__name__}); see its log."
            return error_answer(503, message)

    async def _routed(self, request: web.Request) -> web.StreamResponse:
        route = route_of(request.method, request.raw_path.partition("?")[0])
        if route.bucket is not None:
            check_bucket(route.bucket)
        if route.source is not None:
            check_bucket(route.source.bucket)
        return await self._handlers[route.action](request, route, self._store)

    async def _upload(self, request: web.Request, route: Route, store: Store) -> web.StreamResponse:
        is_resumable = request.query.get("uploadType") == "resumable" or "upload_id" in request.query
        return await (self._resumable.handle if is_resumable else upload_whole)(request, route, store)


async def refuse_unsupported(request: web.Request, _route: Route, _store: Store) -> web.StreamResponse:
    """Refuse an unsupported request with a status that no client retries."""
    raise ApiError(400, f"The local object store does not support {request.method} {request.path}.")


async def refuse_unknown_path(_request: web.Request, _route: Route, _store: Store) -> web.StreamResponse:
    """Refuse a path that the API does not have."""
    raise ApiError(404, "The path is not one of the local object store.")


STORAGE = Service("object store", error_answer)
