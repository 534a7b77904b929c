"""An event of a model is complete and can be written, or is refused with a sentence."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.release.model_events import TABLE, Event, EventModel, ModelEvent, event_row

SCHEMA = Path(__file__).parents[2] / "infra" / "bigquery" / "tables" / f"{TABLE}.json"
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def test_row_of_an_event_has_the_columns_of_the_schema() -> None:
    columns = json.loads(SCHEMA.read_text("utf-8"))
    row = event_row(ModelEvent(event_id="1", happened_at=NOW, event=Event.CANARY, model=EventModel("a", "1", "d")))
    assert list(row) == [column["name"] for column in columns]
    [model] = [column["fields"] for column in columns if column["name"] == "model"]
    assert list(row["model"]) == [column["name"] for column in model]


def test_schema_names_every_kind_of_event() -> None:
    [description] = [
        column["description"] for column in json.loads(SCHEMA.read_text("utf-8")) if column["name"] == "event"
    ]
    assert [kind.value for kind in Event if kind.value not in description] == []


def test_event_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="The time of the event 1 needs a time zone"):
        ModelEvent(event_id="1", happened_at=datetime(2026, 12, 1), event=Event.REPORT)


@pytest.mark.parametrize("evidence", [{"p": float("nan")}, {"model": object()}])
def test_event_whose_evidence_is_not_json_is_refused(evidence: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="The evidence of the event 1 is not JSON"):
        ModelEvent(event_id="1", happened_at=NOW, event=Event.VERDICT, evidence=evidence)
