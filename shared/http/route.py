"""What a protocol declares: its routes, what goes in and out of each, and the shape of its errors.

The router, the OpenAPI document and the tests are all made from these declarations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask.typing import ResponseReturnValue

from shared.http.schema import FILE, TEXT, WHOLE, Schema, things
from shared.settings import Platform

JSON = "application/json"
ANYTHING = "application/octet-stream"
FORM = "multipart/form-data"

OF_IMAGES = (400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503)
"""The statuses of a request that carries images and is refused."""

OF_A_MODEL = (404, 500)
"""The statuses of a question about a model that is not served."""

ApiError = Mapping[str, Any]
"""An error in our own words: ``code``, ``reason``, ``message``."""


ErrorShape = Callable[[ApiError], dict[str, Any]]
"""Puts an error into a protocol's own shape."""


@dataclass(frozen=True, eq=False)
class Route:
    """A method and a path, and who answers it."""

    method: str
    path: str
    """As in OpenAPI: ``/v2/models/{model}/infer``; a part in braces holds neither ``/`` nor ``:``."""
    answer: Callable[..., ResponseReturnValue]
    """Takes the ``RequestContext`` and the parts in braces by name."""
    summary: str
    answers: Schema
    """What comes back with 200."""
    takes: Mapping[str, Schema] = field(default_factory=dict)
    """What the body may be, by content type."""
    refuses: Sequence[int] = (500,)
    """The statuses of errors."""
    type: str = JSON
    """The content type of what comes back with 200."""
    also: Mapping[int, Schema] = field(default_factory=dict)
    """What else may come back, by status, where it is no error."""
    more_types: Mapping[str, Schema] = field(default_factory=dict)
    """Other content types that 200 may have."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Request headers that are read, each with a sentence."""
    queries: Mapping[str, str] = field(default_factory=dict)
    """Parts of the query that are read, each with a sentence; ``record`` is where images are."""

    records: bool = True
    """Whether images, where it takes them, can be recorded."""

    @property
    def carries_images(self) -> bool:
        """Whether ``?record=`` and ``Idempotency-Key`` are read."""
        return self.records and self.refuses == OF_IMAGES


def our_error(refusal: ApiError) -> dict[str, Any]:
    """Return an error in our own shape: ``{"error": {"code": …, "reason": …, "message": …}}``."""
    return {"error": dict(refusal)}


OUR_ERROR = things({"error": things({"code": WHOLE, "reason": TEXT, "message": TEXT})})


def text_error(refusal: ApiError) -> dict[str, Any]:
    """Return an error as KServe, Triton and TensorFlow Serving write it: ``{"error": "…"}``."""
    return {"error": refusal["message"]}


TEXT_ERROR = things({"error": TEXT})


@dataclass(frozen=True, eq=False)
class Protocol:
    """A protocol."""

    name: str
    """In a word or two; the OpenAPI document's tag."""
    routes: Sequence[Route]
    position: int = 100
    """Where it stands in the documents: the lowest first."""
    specification: str | None = None
    """Where it is written down; None for our own."""
    error: ErrorShape = our_error
    error_schema: Schema = field(default_factory=lambda: OUR_ERROR)
    below: str | None = None
    """The beginning of paths that are all of this protocol, also those that have no route."""
    routes_of_platform: Callable[[Platform], Sequence[Route]] = lambda _: ()
    """Routes whose paths the platform chooses."""


ANY_IMAGE: Mapping[str, Schema] = {"image/*": FILE, ANYTHING: FILE}
