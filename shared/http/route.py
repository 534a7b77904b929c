"""The declarations of a protocol: its routes, the schemas of their requests and responses, and the shape of its errors.

The router, the OpenAPI document and the tests are all built from these declarations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask.typing import ResponseReturnValue

from shared.http.schema import FILE, INTEGER, TEXT, Schema, object_of
from shared.settings import Platform

JSON = "application/json"
ANYTHING = "application/octet-stream"
FORM = "multipart/form-data"

IMAGE_ERRORS = (400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503)
"""The statuses with which a request that carries images can be refused."""

MODEL_ERRORS = (404, 500)
"""The statuses with which a request about a model can be refused."""

ApiError = Mapping[str, Any]
"""An error as the service states it: ``code``, ``reason``, ``message``. Each protocol has its own shape for it."""

ErrorShape = Callable[[ApiError], dict[str, Any]]
"""Puts an error into a protocol's shape."""


@dataclass(frozen=True, eq=False)
class Route:
    """A method and a path, with the function that answers them."""

    method: str
    path: str
    """As in OpenAPI: ``/v2/models/{model}/infer``; a part in braces matches neither ``/`` nor ``:``."""
    handler: Callable[..., ResponseReturnValue]
    """Gets the ``RequestContext``, and the parts in braces by name."""
    summary: str
    response: Schema
    """The body of a 200."""
    request_bodies: Mapping[str, Schema] = field(default_factory=dict)
    """The bodies that it takes, by content type."""
    error_statuses: Sequence[int] = (500,)
    """The statuses of its errors."""
    response_type: str = JSON
    """The content type of a 200."""
    other_responses: Mapping[int, Schema] = field(default_factory=dict)
    """Bodies of further statuses that are not errors."""
    other_types: Mapping[str, Schema] = field(default_factory=dict)
    """Further content types of a 200, each with its body."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Request headers that are read, each with a sentence."""
    queries: Mapping[str, str] = field(default_factory=dict)
    """Query parameters that are read, each with a sentence; ``record`` is implied where images can be recorded."""

    can_record: bool = True
    """Whether the images that it takes can be recorded."""

    @property
    def carries_images(self) -> bool:
        """Whether it takes images that can be recorded, so reads ``?record=`` and ``Idempotency-Key``."""
        return self.can_record and self.error_statuses == IMAGE_ERRORS


def our_error(error: ApiError) -> dict[str, Any]:
    """Return an error in our own shape: ``{"error": {"code": …, "reason": …, "message": …}}``."""
    return {"error": dict(error)}


OUR_ERROR = object_of({"error": object_of({"code": INTEGER, "reason": TEXT, "message": TEXT})})


def text_error(error: ApiError) -> dict[str, Any]:
    """Return an error as KServe, Triton and TensorFlow Serving write it: ``{"error": "…"}``."""
    return {"error": error["message"]}


TEXT_ERROR = object_of({"error": TEXT})


@dataclass(frozen=True, eq=False)
class Protocol:
    """A protocol: the routes and the errors that one kind of client expects."""

    name: str
    """A short name; also the tag of its routes in the OpenAPI document."""
    routes: Sequence[Route]
    position: int = 100
    """Its order in the documents: the lowest first."""
    specification: str | None = None
    """The URL of its specification; None for our own protocols."""
    error: ErrorShape = our_error
    error_schema: Schema = field(default_factory=lambda: OUR_ERROR)
    below: str | None = None
    """A prefix of paths; errors of all paths below it have this protocol's shape, also of unknown paths."""
    routes_of_platform: Callable[[Platform], Sequence[Route]] = lambda _: ()
    """Further routes, whose paths the platform chooses."""


ANY_IMAGE: Mapping[str, Schema] = {"image/*": FILE, ANYTHING: FILE}
