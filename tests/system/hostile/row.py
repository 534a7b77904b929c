"""A row of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.system.hostile.doors import Event, ManifestText, Raw, Request, Sent, StoreRequest, Upload

HTTPS, EVENT, STORE, MANIFEST = "HTTPS", "event", "local store", "manifest"
DOORS: dict[type[Sent], str] = {
    Request: HTTPS,
    Raw: HTTPS,
    Upload: EVENT,
    Event: EVENT,
    StoreRequest: STORE,
    ManifestText: MANIFEST,
}


@dataclass(frozen=True)
class Row:
    """What is sent, and what comes of it."""

    what: str
    make: Callable[[], Sent]
    expected: str
    """As ``Doors.send`` says it: a status and a reason, or an outcome."""
    door: str = HTTPS
    """Said here, since making what is sent can take seconds."""


event_row = partial(Row, door=EVENT)
store_row = partial(Row, door=STORE)
manifest_row = partial(Row, door=MANIFEST)
