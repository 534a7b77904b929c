"""Rows have exactly the columns of infra/bigquery/tables, with values that BigQuery accepts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.rows import JUST_BEFORE_MIDNIGHT, ROWS, faults_of

TABLES = Path(__file__).parents[2] / "infra" / "bigquery" / "tables"


def fields_of(table: str) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = json.loads((TABLES / f"{table}.json").read_text("utf-8"))
    return fields


@pytest.mark.parametrize("what", ROWS)
def test_row_has_exactly_the_columns_and_types_of_its_table(what: str) -> None:
    table, row = ROWS[what]
    assert faults_of(row, fields_of(table)) == []


@pytest.mark.parametrize("what", ROWS)
def test_row_is_strict_json(what: str) -> None:
    row = ROWS[what][1]
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_row_check_finds_faults() -> None:
    row = {**ROWS["a failure"][1], "surplus": 1, "reason": None, "uploaded_at": "2025-11-21"}
    del row["detail"]
    assert sorted(faults_of(row, fields_of("failures"))) == [
        "detail is missing",
        "reason is null",
        "surplus is not a column",
        "uploaded_at is '2025-11-21', expected a timestamp in RFC 3339, UTC",
    ]


def test_row_partition_is_the_day_of_the_generation() -> None:
    for table, row in (ROWS["an event's prediction"], ROWS["a failure"]):
        assert row["uploaded_on"] == "2025-11-21", table
        assert row["uploaded_at"] == "2025-11-21T23:59:59.999999+00:00"
        assert row["recorded_at"] == "2025-11-22T00:00:03.000000+00:00"


def test_label_row_partition_is_the_day_of_the_label() -> None:
    for what in ("a label", "a bare label"):
        row = ROWS[what][1]
        assert (row["labelled_on"], row["labelled_at"]) == ("2025-11-21", "2025-11-21T23:59:59.999999+00:00")


def test_label_row_has_the_fields_of_the_correction() -> None:
    full, bare = (ROWS[what][1] for what in ("a label", "a bare label"))
    fields = ("label_id", "prediction_id", "label", "labelled_by", "note", "is_new_label")
    assert [full[name] for name in fields] == ["l" * 64, "p" * 64, "rose", "ada@example.com", "It is.", True]
    assert [bare[name] for name in fields] == ["l" * 64, "p" * 64, "rose", None, None, False]


def test_row_of_an_image_has_the_received_bytes() -> None:
    """The bill is computed from it."""
    assert [row["call"]["received_bytes"] for table, row in ROWS.values() if table != "labels"] == [73012, 5, 73012, 99]


def test_row_has_the_fields_of_the_prediction() -> None:
    row = ROWS["an event's prediction"][1]
    assert (row["label"], row["score"], row["needs_review"]) == ("rose", 0.75, False)
    assert row["candidates"] == [{"label": "rose", "score": 0.75}, {"label": "tulip", "score": 0.25}]
    assert row["image"]["archive_uri"].startswith("gs://my-archive/cc/")
    assert row["image"]["generation"] == JUST_BEFORE_MIDNIGHT.generation
    assert row["model"] == {"name": "flowers", "version": "1", "digest": "d" * 64, "runtime": "litert"}
    assert row["call"]["source"] == "event"
    assert row["call"]["received_bytes"] == 73012


def test_row_times_are_rounded_milliseconds_or_null() -> None:
    full, bare = (ROWS[what][1]["call"]["times"] for what in ("an event's prediction", "a request's prediction"))
    assert full == {"read_ms": 1.0, "decode_ms": 2.5, "classify_ms": 3.0, "archive_ms": 4.0, "total_ms": 10.123}
    assert bare == {"read_ms": None, "decode_ms": None, "classify_ms": None, "archive_ms": None, "total_ms": 5.0}


def test_failure_row_has_the_quarantine_uri_of_its_id() -> None:
    row = ROWS["a failure"][1]
    assert row["image"]["quarantine_uri"] == f"gs://my-quarantine/{row['failure_id']}"
    assert row["failure_id"] == ROWS["an event's prediction"][1]["upload_id"]
    assert row["call"]["received_bytes"] == row["image"]["size_bytes"]


@pytest.mark.parametrize("table", ["predictions", "failures", "labels"])
def test_column_has_a_description_and_a_unique_name(table: str) -> None:
    def check(fields: list[dict[str, Any]]) -> None:
        names = [field["name"] for field in fields]
        assert len(names) == len(set(names))
        for field in fields:
            assert field["description"].endswith((".", "…")), field["name"]
            assert field["mode"] in ("REQUIRED", "NULLABLE", "REPEATED")
            assert re.fullmatch(r"[a-z][a-z0-9_]*", field["name"])
            check(field.get("fields", []))

    check(fields_of(table))
