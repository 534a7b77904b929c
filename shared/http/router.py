"""Route each request to the protocol that its path belongs to, and errors into that protocol's shape."""

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
from shared.http.metrics import Tally
from shared.http.page import route as page
from shared.http.read_body import drop_body
from shared.http.request_context import RequestContext
from shared.http.responses import error_response
from shared.http.route import ErrorShape, Protocol, Route, our_error
from shared.service import Service


def declared_protocols() -> Iterator[Protocol]:
    """Yield what the modules of ``shared.http.protocols`` declare as PROTOCOL; the others there help them."""
    for module in iter_modules(protocols.__path__):
        protocol = getattr(import_module(f"{protocols.__name__}.{module.name}"), "PROTOCOL", None)
        if isinstance(protocol, Protocol):
            yield protocol


PROTOCOLS: tuple[Protocol, ...] = tuple(
    sorted((*declared_protocols(), page.PROTOCOL), key=lambda protocol: (protocol.position, protocol.name))
)
"""Every protocol, in the order of the documents. A new one is a new module of ``shared.http.protocols``."""


class Router:
    """Answers every request of a process. Thread-safe."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.tally = Tally(lambda: [bundle.facts for bundle in service.bundles])

    @cached_property
    def routes(self) -> list[tuple[Protocol, Route]]:
        """Every route, with the protocol that it is of."""
        platform = self._service.platform
        return [
            (protocol, route)
            for protocol in PROTOCOLS
            for route in (*protocol.routes, *protocol.routes_of_platform(platform))
        ]

    def answer(self, asked: Request) -> Response:
        """Answer a request.

        Raises:
            werkzeug.exceptions.HTTPException: there is no such path, or not this method on it.
            BucketlensError: which ``app`` turns into a response, in the protocol's shape.
        """
        began, status, template = time.monotonic(), 500, "none"
        with self.tally.request_in_flight():
            try:
                (protocol, route), parts = self._map.bind_to_environ(asked.environ).match()
                template, g.error_shape = route.path, protocol.error
                with ExitStack() as room:
                    context = RequestContext(asked, self._service, protocol, self.tally, self.routes, room)
                    response = make_response(route.answer(context, **parts))
                drop_body(asked)
                status = response.status_code
            except Exception as error:
                status = error_response(error)[1]
                raise
            else:
                return response
            finally:
                self.tally.count_request(asked.method, template, status, time.monotonic() - began)

    def shape_errors_of(self, app: Flask) -> None:
        """Have an app shape errors as the nearest protocol does, also where no route is reached."""

        def choose() -> None:
            g.error_shape = self._error_shape_at(request.path)

        app.before_request(choose)

    def _error_shape_at(self, path: str) -> ErrorShape:
        """Return the error shape of the protocol that has this path, or routes below its beginning."""
        nearest = (of for of, route in self.routes if path == route.path or _is_below(path, route.path))
        others = (of for of in PROTOCOLS if of.below and path.startswith(of.below))
        return next((protocol.error for protocol in (*nearest, *others)), our_error)

    @cached_property
    def _map(self) -> Map:
        rules = [
            Rule(re.sub(r"{(\w+)}", r"<part:\1>", route.path), methods=[route.method], endpoint=(protocol, route))
            for protocol, route in self.routes
        ]
        return Map(rules, converters={"part": _Part}, strict_slashes=False, merge_slashes=False)


def _is_below(path: str, template: str) -> bool:
    beginning, brace, _ = template.partition("{")
    return bool(brace) and path.startswith(beginning)


class _Part(BaseConverter):
    """A part of a path that ends before a verb, as in ``/v1/models/flowers:predict``."""

    regex = "[^/:]+"
