"""Events of models: what was recorded is read as it was, in memory, and on the local cloud by our adapter."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from shared.errors import RowRefused
from shared.release.model_events import Event, EventModel, ModelEvent, event_row, record
from tests.worlds import World

pytestmark = pytest.mark.in_memory_too

HAPPENED_AT = datetime(2026, 12, 1, 1, 30, 0, 123456, timezone(timedelta(hours=2)))
"""Of the day before in UTC."""
MODEL = EventModel("flowers", "2", "ab" * 32)


def event(**fields: Any) -> ModelEvent:
    defaults: dict[str, Any] = {
        "event_id": uuid.uuid4().hex,
        "happened_at": HAPPENED_AT,
        "event": Event.VERDICT,
        "actor": "monitor@example.iam.gserviceaccount.com",
        "model": MODEL,
        "parent_digest": "cd" * 32,
        "dataset_fingerprint": "ef" * 32,
        "code_commit": "0123abc",
        "evidence": {"state": "harmed", "why": "Größe «1»", "floor": 0.9, "tests": [{"subject": "labels"}]},
    }
    return ModelEvent(**(defaults | fields))


def rows_of(world: World, *events: ModelEvent) -> list[dict[str, Any]]:
    sql = "SELECT * FROM model_events WHERE event_id IN UNNEST(@ids) ORDER BY happened_at"
    return world.warehouse.query(sql, ids=[each.event_id for each in events]).rows


def test_event_is_read_as_it_was_recorded(world: World) -> None:
    recorded = event()
    record(recorded, world.warehouse)
    [row] = rows_of(world, recorded)
    evidence = row.pop("evidence")
    assert (json.loads(evidence) if isinstance(evidence, str) else evidence) == recorded.evidence
    assert row == {
        "event_id": recorded.event_id,
        "happened_on": date(2026, 11, 30),
        "happened_at": HAPPENED_AT.astimezone(UTC),
        "event": "verdict",
        "actor": recorded.actor,
        "model": {"name": "flowers", "version": "2", "digest": "ab" * 32},
        "parent_digest": "cd" * 32,
        "dataset_fingerprint": "ef" * 32,
        "code_commit": "0123abc",
    }


def test_event_of_every_kind_is_recorded_with_no_more_than_it_needs(world: World) -> None:
    events = [
        ModelEvent(event_id=uuid.uuid4().hex, happened_at=HAPPENED_AT + timedelta(seconds=second), event=kind)
        for second, kind in enumerate(Event)
    ]
    for each in events:
        record(each, world.warehouse)
    rows = rows_of(world, *events)
    assert [row["event"] for row in rows] == [kind.value for kind in Event]
    assert {(row["actor"], row["model"], row["code_commit"]) for row in rows} == {(None, None, None)}


def test_event_that_is_recorded_again_adds_no_other_event(world: World) -> None:
    """The table may hold it twice, or once where BigQuery notices; an id counts once."""
    repeated = event()
    for _ in range(2):
        record(repeated, world.warehouse)
    rows = rows_of(world, repeated)
    assert len({row["event_id"] for row in rows}) == 1
    assert all(row == rows[0] for row in rows)


def test_evidence_can_be_queried(world: World) -> None:
    recorded = event()
    record(recorded, world.warehouse)
    sql = "SELECT JSON_VALUE(evidence, '$.state') AS state FROM model_events WHERE event_id IN UNNEST(@ids)"
    assert world.warehouse.query(sql, ids=[recorded.event_id]).rows == [{"state": "harmed"}]


def test_table_of_events_refuses_a_row_with_an_unknown_column(world: World) -> None:
    recorded = event()
    with pytest.raises(RowRefused):
        world.warehouse.append_row("model_events", recorded.event_id, event_row(recorded) | {"mood": "good"})
    assert rows_of(world, recorded) == []
