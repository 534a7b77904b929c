"""The HTTP server: it calls handlers by route and writes errors as Google's JSON."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import duckdb
from aiohttp import web

from shared.emulators.bigquery.api.discovery import SERVICE_PATH, discovery_document
from shared.emulators.bigquery.api.json_body import body_of
from shared.emulators.bigquery.api.request import Call
from shared.emulators.bigquery.api.routes import ROUTES, Route
from shared.emulators.bigquery.engine.store import Store
from shared.emulators.bigquery.errors import ApiError, from_duckdb, not_found
from shared.emulators.faults.control import add_control
from shared.emulators.faults.injector import Injector
from shared.emulators.loopback.guard import LOCAL, guard

_LOG = logging.getLogger(__name__)
_STORE = web.AppKey("store", Store)

MAX_REQUEST_BYTES = 64 << 20
"""Largest request; BigQuery takes 10 MB."""

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_app(
    store: Store, status: Callable[[], Mapping[str, Any]], injector: Injector, host: str = "127.0.0.1"
) -> web.Application:
    """Return the server's application.

    Args:
        store: the store that it serves.
        status: returns the body of GET /status.
        injector: the fault injector of ``WAREHOUSE``.
        host: the name that it listens on; requests may use it in addition to localhost's names.
    """
    app = web.Application(
        middlewares=[guard(_forbidden, {*LOCAL, host}), injector.middleware, _answer_errors],
        client_max_size=MAX_REQUEST_BYTES,
    )
    add_control(app, injector)
    app[_STORE] = store
    for route in ROUTES:
        app.router.add_route(route.verb, f"/{SERVICE_PATH}{route.path}", _respond(route))
    for path in ("/discovery/v1/apis/bigquery/v2/rest", "/$discovery/rest"):
        app.router.add_get(path, _discovery)

    async def show_status(_: web.Request) -> web.Response:
        return web.json_response(dict(status()))

    app.router.add_get("/status", show_status)
    return app


def _respond(route: Route) -> Respond:
    async def respond(request: web.Request) -> web.Response:
        answer = await route.handler(_call(request, await body_of(request)))
        # BigQuery's answer to a delete has no body, and bq accepts no other.
        return web.json_response(answer) if answer else web.Response(status=204)

    return respond


def _call(request: web.Request, body: Mapping[str, Any]) -> Call:
    store = request.app[_STORE]
    project = request.match_info.get("projectId", store.catalog.project)
    if project != store.catalog.project:
        raise not_found("Project", f"{project}; the local warehouse has {store.catalog.project}")
    base = f"{request.scheme}://{request.host}/{SERVICE_PATH.rstrip('/')}"
    return Call(store, request.match_info, request.query, body, request.headers.get("If-Match"), base)


async def _discovery(request: web.Request) -> web.Response:
    return web.json_response(discovery_document(f"{request.scheme}://{request.host}/"))


def _forbidden(_status: int, message: str) -> web.Response:
    api_error = ApiError("accessDenied", message)
    return web.json_response(api_error.document, status=api_error.http_status)


@web.middleware
async def _answer_errors(request: web.Request, handler: Respond) -> web.StreamResponse:
    """Turn every error into Google's JSON, never into a 500: clients retry that for ten minutes."""
    try:
        return await handler(request)
    except ApiError as error:
        api_error = error
    except duckdb.Error as error:
        api_error = from_duckdb(error)
    except web.HTTPRequestEntityTooLarge:
        api_error = ApiError("requestTooLarge", f"The request is larger than {MAX_REQUEST_BYTES} bytes")
    except web.HTTPNotFound:
        api_error = ApiError(
            "notFound", f"Not found: {request.method} {request.path} is not a method of the local warehouse"
        )
    except web.HTTPMethodNotAllowed:
        api_error = ApiError(
            "notFound", f"Not found: {request.method} {request.path} is not a method of the local warehouse"
        )
    except web.HTTPException:
        raise
    except Exception as error:
        _LOG.exception("%s %s failed", request.method, request.path)
        message = f"The local warehouse failed on this request ({type(error).__name__}); its log has the details"
        api_error = ApiError("invalid", message)
    return web.json_response(api_error.document, status=api_error.http_status)
