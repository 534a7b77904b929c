"""Recording: the rows have exactly the columns of infra/bigquery/tables, with values that BigQuery takes."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared import identity
from shared.record import Row, failure_row, prediction_row
from shared.types import (
    Call,
    Candidate,
    Classification,
    Failure,
    ImageFacts,
    ModelFacts,
    ObjectRef,
    Prediction,
    Source,
    Times,
)

TABLES = Path(__file__).parents[1] / "infra" / "bigquery" / "tables"
RFC_3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
JUST_BEFORE_MIDNIGHT = ObjectRef("my-uploads", "rose.jpg", 1763769599_999_999)
RECORDED_AT = dt.datetime(2025, 11, 22, 0, 0, 3, tzinfo=dt.UTC)
RECEIVED_AT = dt.datetime(2025, 11, 22, 0, 0, 1, 5, tzinfo=dt.UTC)


def full_call() -> Call:
    return Call(
        source=Source.EVENT,
        received_at=RECEIVED_AT,
        event_id="8897446546443",
        trace="projects/p/traces/" + "a" * 32,
        caller="ada@example.com",
        service="classify-upload",
        revision="classify-upload-00007",
        instance="0f1e2d3c4b5a",
        is_cold_start=True,
        times=Times(1.0004, 2.5, 3.0, 4.0, 10.123456),
    )


def bare_call() -> Call:
    return Call(Source.REQUEST, RECEIVED_AT, times=Times(total_ms=5.0))


def full_image() -> ImageFacts:
    ref = JUST_BEFORE_MIDNIGHT
    return ImageFacts(73012, "image/jpeg", "c" * 64, ref.bucket, ref.name, ref.generation, "jpeg", 640, 480)


def prediction(call: Call, image: ImageFacts) -> Prediction:
    who = identity.of_object(JUST_BEFORE_MIDNIGHT)
    best, other = Candidate("rose", 0.75), Candidate("tulip", 0.25)
    return Prediction(
        prediction_id=who.prediction_id("d" * 64),
        upload_id=who.upload_id,
        uploaded_at=who.uploaded_at,
        classification=Classification("rose", 0.75, (best, other), needs_review=False),
        image=image,
        archive_uri="gs://my-archive/cc/" + "c" * 64 + ".jpg",
        model=ModelFacts("flowers", "1", "d" * 64, "litert"),
        call=call,
    )


def failure(call: Call, image: ImageFacts) -> Failure:
    who = identity.of_object(JUST_BEFORE_MIDNIGHT)
    return Failure(
        failure_id=who.upload_id,
        uploaded_at=who.uploaded_at,
        reason="not_an_image",
        detail="It is a shopping list.",
        image=image,
        quarantine_uri=f"gs://my-quarantine/{who.upload_id}",
        call=call,
    )


def rows() -> dict[str, tuple[str, Row]]:
    """The fullest and the barest row of each table, by what they are."""
    no_object = ImageFacts(5, None, "c" * 64, format="png", width_px=1, height_px=1)
    unread = ImageFacts(99, None, None, "my-uploads", "rose.jpg", JUST_BEFORE_MIDNIGHT.generation)
    return {
        "an event's prediction": ("predictions", prediction_row(prediction(full_call(), full_image()), RECORDED_AT)),
        "a request's prediction": ("predictions", prediction_row(prediction(bare_call(), no_object), RECORDED_AT)),
        "a failure": ("failures", failure_row(failure(full_call(), full_image()), RECORDED_AT)),
        "an unread failure": ("failures", failure_row(failure(bare_call(), unread), RECORDED_AT)),
    }


ROWS = rows()


def fields_of(table: str) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = json.loads((TABLES / f"{table}.json").read_text("utf-8"))
    return fields


def faults_of(row: Row, fields: list[dict[str, Any]], where: str = "") -> list[str]:
    """Say what BigQuery would refuse of a row, and which columns are missing or unknown."""
    faults = [f"{where}{name} is no column" for name in row.keys() - {field["name"] for field in fields}]
    for field in fields:
        name, place = field["name"], f"{where}{field['name']}"
        if name not in row:
            faults.append(f"{place} is missing")
        elif row[name] is None:
            faults += [f"{place} is null"] if field["mode"] != "NULLABLE" else []
        else:
            repeated = field["mode"] == "REPEATED"
            for value in row[name] if repeated else [row[name]]:
                faults += faults_of_value(value, field, place)
    return faults


def faults_of_value(value: Any, field: dict[str, Any], place: str) -> list[str]:
    kinds: dict[str, type | tuple[type, ...]] = {
        "STRING": str,
        "INTEGER": int,
        "FLOAT": float,
        "BOOLEAN": bool,
        "RECORD": dict,
        "DATE": str,
        "TIMESTAMP": str,
    }
    kind = field["type"]
    if not isinstance(value, kinds[kind]) or (kind != "BOOLEAN" and isinstance(value, bool)):
        return [f"{place} is {value!r}, expected {kind}"]
    if kind == "RECORD":
        return faults_of(value, field["fields"], f"{place}.")
    if kind == "DATE" and dt.date.fromisoformat(value).isoformat() != value:
        return [f"{place} is {value!r}, expected a date"]
    if kind == "TIMESTAMP" and not RFC_3339_UTC.fullmatch(value):
        return [f"{place} is {value!r}, expected a timestamp in RFC 3339, UTC"]
    return []


@pytest.mark.parametrize("what", ROWS)
def test_a_row_has_exactly_the_columns_of_its_table_and_values_of_their_types(what: str) -> None:
    table, row = ROWS[what]
    assert faults_of(row, fields_of(table)) == []


@pytest.mark.parametrize("what", ROWS)
def test_a_row_is_json_that_every_parser_reads(what: str) -> None:
    row = ROWS[what][1]
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_the_check_itself_finds_faults() -> None:
    row = {**ROWS["a failure"][1], "surplus": 1, "reason": None, "uploaded_at": "2025-11-21"}
    del row["detail"]
    assert sorted(faults_of(row, fields_of("failures"))) == [
        "detail is missing",
        "reason is null",
        "surplus is no column",
        "uploaded_at is '2025-11-21', expected a timestamp in RFC 3339, UTC",
    ]


def test_the_partition_is_the_day_of_the_generation_however_late_the_row_is_written() -> None:
    for table, row in (ROWS["an event's prediction"], ROWS["a failure"]):
        assert row["uploaded_on"] == "2025-11-21", table
        assert row["uploaded_at"] == "2025-11-21T23:59:59.999999+00:00"
        assert row["recorded_at"] == "2025-11-22T00:00:03.000000+00:00"


def test_a_row_says_what_the_outcome_said() -> None:
    row = ROWS["an event's prediction"][1]
    assert (row["label"], row["score"], row["needs_review"]) == ("rose", 0.75, False)
    assert row["candidates"] == [{"label": "rose", "score": 0.75}, {"label": "tulip", "score": 0.25}]
    assert row["image"]["archive_uri"].startswith("gs://my-archive/cc/")
    assert row["image"]["generation"] == JUST_BEFORE_MIDNIGHT.generation
    assert row["model"] == {"name": "flowers", "version": "1", "digest": "d" * 64, "runtime": "litert"}
    assert row["call"]["source"] == "event"
    assert row["call"]["received_bytes"] == 73012


def test_times_are_milliseconds_with_three_decimals_and_null_where_a_step_did_not_run() -> None:
    full, bare = (ROWS[what][1]["call"]["times"] for what in ("an event's prediction", "a request's prediction"))
    assert full == {"read_ms": 1.0, "decode_ms": 2.5, "classify_ms": 3.0, "archive_ms": 4.0, "total_ms": 10.123}
    assert bare == {"read_ms": None, "decode_ms": None, "classify_ms": None, "archive_ms": None, "total_ms": 5.0}


def test_a_failure_is_found_in_quarantine_by_its_id() -> None:
    row = ROWS["a failure"][1]
    assert row["image"]["quarantine_uri"] == f"gs://my-quarantine/{row['failure_id']}"
    assert row["failure_id"] == ROWS["an event's prediction"][1]["upload_id"]
    assert row["call"]["received_bytes"] == row["image"]["size_bytes"]


@pytest.mark.parametrize("table", ["predictions", "failures", "labels"])
def test_every_column_is_described_and_named_once(table: str) -> None:
    def check(fields: list[dict[str, Any]]) -> None:
        names = [field["name"] for field in fields]
        assert len(names) == len(set(names))
        for field in fields:
            assert field["description"].endswith((".", "…")), field["name"]
            assert field["mode"] in ("REQUIRED", "NULLABLE", "REPEATED")
            assert re.fullmatch(r"[a-z][a-z0-9_]*", field["name"])
            check(field.get("fields", []))

    check(fields_of(table))
