"""Where requests arrive: each goes to the dialect that its path belongs to."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from functools import cached_property

from flask import Flask, Request, Response, g, make_response, request
from werkzeug.routing import BaseConverter, Map, Rule

from shared.http.metrics import Tally
from shared.http.page import route as page
from shared.http.protocols import (
    bigquery_remote_function,
    bucketlens,
    feedback,
    model_repository,
    open_inference_v2,
    operations,
    tensorflow_serving,
    vertex,
)
from shared.http.request_context import Exchange
from shared.http.responses import drop_body, error_answer
from shared.http.route import Dialect, ErrorShape, Route, our_error
from shared.service import Service

DIALECTS: tuple[Dialect, ...] = (
    bucketlens.DIALECT,
    open_inference_v2.DIALECT,
    tensorflow_serving.DIALECT,
    vertex.DIALECT,
    bigquery_remote_function.DIALECT,
    feedback.DIALECT,
    page.DIALECT,
    model_repository.DIALECT,
    operations.DIALECT,
)


class Desk:
    """Answers every request of a process. Thread-safe."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.tally = Tally(lambda: [bundle.facts for bundle in service.bundles])

    @cached_property
    def routes(self) -> list[tuple[Dialect, Route]]:
        """Every route, with the dialect that it is of."""
        platform = self._service.platform
        return [
            (dialect, route)
            for dialect in DIALECTS
            for route in (*dialect.routes, *dialect.routes_of_platform(platform))
        ]

    def answer(self, asked: Request) -> Response:
        """Answer a request.

        Raises:
            werkzeug.exceptions.HTTPException: there is no such path, or not this method on it.
            BucketlensError: told to the caller by ``answers``, in the dialect's shape.
        """
        began, status, template = time.monotonic(), 500, "none"
        with self.tally.request_in_flight():
            try:
                (dialect, route), parts = self._map.bind_to_environ(asked.environ).match()
                template, g.error_shape = route.path, dialect.error
                with ExitStack() as room:
                    exchange = Exchange(asked, self._service, dialect, self.tally, self.routes, room)
                    response = make_response(route.answer(exchange, **parts))
                drop_body(asked)
                status = response.status_code
            except Exception as error:
                status = error_answer(error)[1]
                raise
            else:
                return response
            finally:
                self.tally.count_request(asked.method, template, status, time.monotonic() - began)

    def shape_errors_of(self, app: Flask) -> None:
        """Have an app tell of errors in the shape of the dialect nearest by, also where no route is reached."""

        def choose() -> None:
            g.error_shape = self._error_shape_at(request.path)

        app.before_request(choose)

    def _error_shape_at(self, path: str) -> ErrorShape:
        """Return the error shape of the dialect that has this path, or routes below its beginning."""
        near = (of for of, route in self.routes if path == route.path or _is_below(path, route.path))
        ours_by_name = (of for of in DIALECTS if of.below and path.startswith(of.below))
        return next((dialect.error for dialect in (*near, *ours_by_name)), our_error)

    @cached_property
    def _map(self) -> Map:
        rules = [
            Rule(re.sub(r"{(\w+)}", r"<part:\1>", route.path), methods=[route.method], endpoint=(dialect, route))
            for dialect, route in self.routes
        ]
        return Map(rules, converters={"part": _Part}, strict_slashes=False, merge_slashes=False)


def _is_below(path: str, template: str) -> bool:
    beginning, brace, _ = template.partition("{")
    return bool(brace) and path.startswith(beginning)


class _Part(BaseConverter):
    """A part of a path that ends before a verb, as in ``/v1/models/flowers:predict``."""

    regex = "[^/:]+"
