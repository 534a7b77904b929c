"""Routes for operators: the OpenAPI document, a page of all routes, and metrics for Prometheus.

https://spec.openapis.org/oas/v3.1.0, https://prometheus.io/docs/instrumenting/exposition_formats/.
"""

from __future__ import annotations

from dataclasses import replace

from flask import Response, jsonify
from flask.typing import ResponseReturnValue

from shared.http.request_context import RequestContext
from shared.http.route import Protocol, Route
from shared.http.schema import TEXT, object_of


def openapi(context: RequestContext) -> ResponseReturnValue:
    """Return the OpenAPI document of every route."""
    from shared.http.openapi import document

    model = replace(context.bundle.facts, name=context.index.names[0])  # paths may have another name
    return jsonify(document(context.routes, model))


def docs(context: RequestContext) -> ResponseReturnValue:
    """Return the page that shows every route."""
    from shared.http.docs_page import page

    html, policy = page(context.routes, context.bundle.manifest, context.request.host_url)
    return Response(html, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": policy})


def metrics(context: RequestContext) -> ResponseReturnValue:
    """Return the metrics of this process."""
    text, content_type = context.metrics.as_text()
    return Response(text, content_type=content_type)


PROTOCOL = Protocol(
    name="operations",
    position=90,
    routes=(
        Route(
            "GET", "/openapi.json", openapi, "This document.", object_of({"openapi": TEXT, "paths": {"type": "object"}})
        ),
        Route("GET", "/docs", docs, "Every route, for people.", TEXT, response_type="text/html"),
        Route("GET", "/metrics", metrics, "Metrics of this process, for Prometheus.", TEXT, response_type="text/plain"),
    ),
)
