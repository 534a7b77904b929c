"""A row of the table of hostile input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.system.hostile.endpoints import Event, ManifestText, Raw, Request, Sent, StoreRequest, Upload

HTTPS, EVENT, STORE, MANIFEST = "HTTPS", "event", "local store", "manifest"
ENDPOINTS: dict[type[Sent], str] = {
    Request: HTTPS,
    Raw: HTTPS,
    Upload: EVENT,
    Event: EVENT,
    StoreRequest: STORE,
    ManifestText: MANIFEST,
}


@dataclass(frozen=True)
class Row:
    """What is sent, and its expected outcome."""

    what: str
    make: Callable[[], Sent]
    expected: str
    """As ``Endpoints.send`` returns it: a status and a reason, or an outcome."""
    endpoint: str = HTTPS
    """Named here, since making what is sent can take seconds."""


event_row = partial(Row, endpoint=EVENT)
store_row = partial(Row, endpoint=STORE)
manifest_row = partial(Row, endpoint=MANIFEST)
