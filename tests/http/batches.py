"""Requests of several images, in every protocol that takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.http.conftest import b64

ONE = b64(b"x")
BATCHES: dict[str, Callable[[int], dict[str, Any]]] = {
    "/v2/models/flowers/infer": lambda images: {
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": [images], "data": [ONE] * images}]
    },
    "/v1/models/flowers:predict": lambda images: {"instances": [{"b64": ONE}] * images},
    "/v1/models/flowers:classify": lambda images: {"examples": [{"image": {"b64": ONE}}] * images},
    "/v1/projects/p/locations/l/endpoints/e:predict": lambda images: {"instances": [{"content": ONE}] * images},
    "/v1/bigquery:call": lambda images: {"calls": [[ONE]] * images},
}
"""Return a request of ``count`` images, by route."""
