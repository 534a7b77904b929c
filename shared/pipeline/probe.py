"""Probes: images of smoke and load tests, which are classified and recorded as any other and left out of figures.

A caller who may send an image may mark it: the mark hides nothing, since tables, ``calls`` and the bill keep the row.
"""

from __future__ import annotations

from typing import Any

KEY = "bucketlens-probe"
"""Header of a request, and custom metadata of an object."""

MARK = {KEY: "true"}
"""What a smoke or load test sends with each image."""


def is_marked(values: Any) -> bool:
    """Return whether headers, or an object's custom metadata as an event or a listing has it, have the mark."""
    get = getattr(values, "get", None)
    return get is not None and get(KEY) == "true"
