"""Events in the life of a model: published, released, judged. They are appended, and never changed.

``infra/bigquery/tables/model_events.json`` has the columns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol

TABLE = "model_events"


class Event(StrEnum):
    """What happened to a model."""

    PUBLISHED = "published"
    CONFIGURED = "configured"
    TESTED = "tested"
    CANARY = "canary"
    CHECKED = "checked"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    VERDICT = "verdict"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class EventModel:
    """The model of an event."""

    name: str
    version: str
    digest: str
    """sha256 of the bundle's manifest, 64 hex digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEvent:
    """An event in the life of a model.

    Raises:
        ValueError: ``happened_at`` has no time zone, or the evidence is not JSON (a NaN is not).
    """

    event_id: str
    """A UUID, or a digest of what makes this event the same one when it is written again: the same id counts once."""
    happened_at: datetime
    """Aware."""
    event: Event
    actor: str | None = None
    """The identity of a person or of a service; never a token."""
    model: EventModel | None = None
    """None where the event is about several models, or none."""
    parent_digest: str | None = None
    """The digest of the model that this one was trained from or takes the place of."""
    dataset_fingerprint: str | None = None
    code_commit: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """What speaks for it, ready for JSON."""

    def __post_init__(self) -> None:
        if self.happened_at.tzinfo is None:
            raise ValueError(f"The time of the event {self.event_id} needs a time zone.")
        try:
            json.dumps(self.evidence, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"The evidence of the event {self.event_id} is not JSON: {error}.") from error


def event_id_of(*identity: Any) -> str:
    """Return the id of an event by what makes it the same one when it is written again: sha256 of a JSON array."""
    return sha256(json.dumps(identity, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


class RowWriter(Protocol):
    """The port of the record: tables that rows are appended to."""

    def append_row(self, table: str, row_id: str, row: dict[str, Any]) -> None:
        """Append a row to a table.

        Raises:
            RowRefused: the table does not accept the row.
            WarehouseUnavailable: no answer within the deadline; the row may have been appended.
        """


def record(event: ModelEvent, warehouse: RowWriter) -> None:
    """Append an event to ``model_events``; nothing else writes there. Repeating it is harmless, as its id counts once.

    Raises:
        RowRefused: the table does not accept the row: it is not as the schema file describes it.
        WarehouseUnavailable: no answer within the deadline; the event may have been recorded.
    """
    warehouse.append_row(TABLE, event.event_id, event_row(event))


def event_row(event: ModelEvent) -> dict[str, Any]:
    """Return the row of ``model_events``, ready for JSON; its day and time are UTC, the evidence is JSON text."""
    happened_at, model = event.happened_at.astimezone(UTC), event.model
    return {
        "event_id": event.event_id,
        "happened_on": happened_at.date().isoformat(),
        "happened_at": happened_at.isoformat(timespec="microseconds"),
        "event": event.event.value,
        "actor": event.actor,
        "model": None if model is None else {"name": model.name, "version": model.version, "digest": model.digest},
        "parent_digest": event.parent_digest,
        "dataset_fingerprint": event.dataset_fingerprint,
        "code_commit": event.code_commit,
        "evidence": json.dumps(event.evidence, ensure_ascii=False, sort_keys=True, allow_nan=False),
    }
