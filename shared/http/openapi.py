"""The OpenAPI document, built from the declarations of the protocols (https://spec.openapis.org/oas/v3.1.0)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from shared.http.route import Protocol, Route
from shared.http.schema import TEXT, Schema
from shared.types import ModelFacts

RECORD = {
    "name": "record",
    "in": "query",
    "description": "Whether the image is archived and its prediction written to BigQuery.",
    "schema": {"enum": ["true", "false"], "default": "true"},
}
ERRORS_OF_ALL_ROUTES = (403, 429, 500)
"""The statuses of requests that are refused before a route is reached: cross-site, too many, unexpected errors."""

KEY = "Makes a repeated request the same prediction, so that it counts once."


def document(routes: Sequence[tuple[Protocol, Route]], model: ModelFacts) -> dict[str, Any]:
    """Return the OpenAPI document.

    Args:
        routes: every route, with its protocol.
        model: the default model; the example of ``{model}`` and ``{version}`` in a path.
    """
    paths: dict[str, dict[str, Any]] = {}
    for protocol, route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(protocol, route, model)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bucketlens",
            "version": model.version,
            "description": "Classifies images, in the protocols that existing clients speak.",
        },
        "servers": [{"url": "/"}],
        "tags": [
            {
                "name": protocol.name,
                **({"externalDocs": {"url": protocol.specification}} if protocol.specification else {}),
            }
            for protocol in dict.fromkeys(protocol for protocol, _ in routes)
        ],
        "paths": paths,
    }


def _operation(protocol: Protocol, route: Route, model: ModelFacts) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": [protocol.name],
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_"),
        "summary": route.summary,
        "responses": _responses(protocol, route),
    }
    if parameters := _parameters(route, model):
        operation["parameters"] = parameters
    if route.request_bodies:
        operation["requestBody"] = {"required": True, "content": _content(route.request_bodies)}
    return operation


def _parameters(route: Route, model: ModelFacts) -> list[dict[str, Any]]:
    examples = {"model": model.name, "version": model.version, "label": "stable"}
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": _part(examples.get(name))}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    headers = {**route.headers, **({"Idempotency-Key": KEY} if route.carries_images else {})}
    in_headers = [
        {"name": name, "in": "header", "description": text, "schema": {**TEXT, "minLength": 1, "maxLength": 255}}
        for name, text in headers.items()
    ]
    in_query = [
        {"name": name, "in": "query", "description": text, "schema": _part(model.name if name == "model" else None)}
        for name, text in route.queries.items()
    ]
    return [*in_path, *in_query, *([RECORD] if route.carries_images else []), *in_headers]


def _part(example: str | None) -> Schema:
    schema: Schema = {**TEXT, "pattern": "^[^/:]+$"}
    return schema if example is None else {**schema, "examples": [example]}


def _responses(protocol: Protocol, route: Route) -> dict[str, Any]:
    refused = {
        status: {"application/json": protocol.error_schema} for status in (*route.error_statuses, *ERRORS_OF_ALL_ROUTES)
    }
    also = {status: {"application/json": schema} for status, schema in route.other_responses.items()}
    answered = {200: {route.response_type: route.response, **route.other_types}}
    return {
        str(status): {"description": HTTPStatus(status).phrase, "content": _content(content)}
        for status, content in sorted({**refused, **also, **answered}.items())
    }


def _content(schemas: Mapping[str, Schema]) -> dict[str, Any]:
    return {content_type: {"schema": schema} for content_type, schema in schemas.items()}
