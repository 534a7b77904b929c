"""Route each request to the protocol of its path, and give errors that protocol's shape."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cached_property
from importlib import import_module
from pkgutil import iter_modules

from flask import Flask, Request, Response, g, make_response, request
from werkzeug.routing import BaseConverter, Map, Rule

from shared.http import protocols
from shared.http.metrics import RequestMetrics
from shared.http.page import route as page
from shared.http.read_body import drain_body
from shared.http.request_context import RequestContext
from shared.http.responses import error_response
from shared.http.route import ErrorShape, Protocol, Route, our_error
from shared.service import Service


def declared_protocols() -> Iterator[Protocol]:
    """Yield the PROTOCOL of each module of ``shared.http.protocols`` that has one."""
    for module in iter_modules(protocols.__path__):
        protocol = getattr(import_module(f"{protocols.__name__}.{module.name}"), "PROTOCOL", None)
        if isinstance(protocol, Protocol):
            yield protocol


PROTOCOLS: tuple[Protocol, ...] = tuple(
    sorted((*declared_protocols(), page.PROTOCOL), key=lambda protocol: (protocol.position, protocol.name))
)
"""Every protocol, in the order of the documents. To add one, add a module to ``shared.http.protocols``."""


class Router:
    """The router of a process: it finds the route of each request and has its protocol answer. Thread-safe."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.metrics = RequestMetrics(lambda: [bundle.facts for bundle in service.models.index])

    @cached_property
    def routes(self) -> list[tuple[Protocol, Route]]:
        """Every route, with its protocol."""
        platform = self._service.platform
        return [
            (protocol, route)
            for protocol in PROTOCOLS
            for route in (*protocol.routes, *protocol.routes_of_platform(platform))
        ]

    def answer(self, incoming: Request) -> Response:
        """Answer a request.

        Raises:
            werkzeug.exceptions.HTTPException: the path does not exist, or does not have this method.
            BucketlensError: the request is refused; ``app`` turns the error into a response in the protocol's shape.
        """
        began, status, template = time.monotonic(), 500, "none"
        with self.metrics.request_in_flight():
            try:
                (protocol, route), parts = self._map.bind_to_environ(incoming.environ).match()
                template, g.error_shape = route.path, protocol.error
                with ExitStack() as room:
                    context = RequestContext(incoming, self._service, protocol, self.metrics, self.routes, room)
                    response = make_response(route.handler(context, **parts))
                drain_body(incoming)
                status = response.status_code
            except Exception as error:
                status = error_response(error)[1]
                raise
            else:
                return response
            finally:
                self.metrics.count_request(incoming.method, template, status, time.monotonic() - began)

    def shape_errors_of(self, app: Flask) -> None:
        """Make an app shape errors as the nearest protocol does, also for requests that reach no route."""

        def choose() -> None:
            g.error_shape = self._error_shape_at(request.path)

        app.before_request(choose)

    def _error_shape_at(self, path: str) -> ErrorShape:
        """Return the error shape of the protocol that has a route of this path, or else one with the same prefix."""
        nearest = (owner for owner, route in self.routes if path == route.path or _is_below(path, route.path))
        others = (owner for owner in PROTOCOLS if owner.below and path.startswith(owner.below))
        return next((protocol.error for protocol in (*nearest, *others)), our_error)

    @cached_property
    def _map(self) -> Map:
        rules = [
            Rule(re.sub(r"{(\w+)}", r"<part:\1>", route.path), methods=[route.method], endpoint=(protocol, route))
            for protocol, route in self.routes
        ]
        return Map(rules, converters={"part": _Part}, strict_slashes=False, merge_slashes=False)


def _is_below(path: str, template: str) -> bool:
    prefix, brace, _ = template.partition("{")
    return bool(brace) and path.startswith(prefix)


class _Part(BaseConverter):
    """A part of a path that ends before a verb, as in ``/v1/models/flowers:predict``."""

    regex = "[^/:]+"
