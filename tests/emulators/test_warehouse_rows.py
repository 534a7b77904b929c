"""Rows in by insertAll and out by list: as strict, as tolerant and as durable as BigQuery."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.cloud import bigquery

from tests.emulators.no_retry import NO_RETRY
from tests.emulators.warehouse_parts import prediction

pytest_plugins = ("tests.emulators.warehouse_fixtures",)

Field = bigquery.SchemaField
TYPES = ("STRING", "BYTES", "INTEGER", "FLOAT", "NUMERIC", "BOOLEAN", "TIMESTAMP", "DATETIME", "DATE", "TIME", "JSON")


@pytest.fixture
def table(bigquery_client: bigquery.Client, bigquery_dataset: str) -> str:
    """A table with a column of each type, one REQUIRED, and nested ones."""
    inner = [Field("must", "INTEGER", "REQUIRED"), Field("raw", "BYTES"), Field("when_", "TIMESTAMP")]
    columns = [Field("id", "STRING", "REQUIRED"), *(Field(kind.lower(), kind) for kind in TYPES)]
    columns += [Field("many", "INTEGER", "REPEATED"), Field("one", "RECORD", fields=inner)]
    columns += [Field("rows_", "RECORD", "REPEATED", fields=inner)]
    bigquery_client.create_table(bigquery.Table(f"{bigquery_dataset}.t", columns))
    return f"{bigquery_dataset}.t"


def problems_of(bigquery_client: bigquery.Client, table: str, row: dict[str, Any]) -> list[dict[str, str]]:
    """Insert a row that is wrong; returns what is wrong with it."""
    (entry,) = bigquery_client.insert_rows_json(table, [row], retry=NO_RETRY)
    assert entry["index"] == 0
    return list(entry["errors"])


def rows_of(bigquery_client: bigquery.Client, table: str) -> list[dict[str, Any]]:
    return [dict(row.items()) for row in bigquery_client.list_rows(table)]


def test_row_is_read_as_sent_with_nested_fields(bigquery_client: bigquery.Client, table: str) -> None:
    row = {
        "id": 'quote " newline \n zero \0 é 🌹',
        "string": "x",
        "bytes": b"\xff\x00",
        "integer": 2**63 - 1,
        "float": 0.1,
        "numeric": Decimal("12345678901234567890.123456789"),
        "boolean": True,
        "timestamp": datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        "datetime": datetime(2026, 1, 2, 3, 4, 5),
        "date": date(1, 1, 1),
        "time": time(3, 4, 5, 6),
        "json": {"a": [1, None, "x"]},
        "many": [1, -(2**63)],
        "one": {"must": 1, "raw": b"a", "when_": datetime(1900, 1, 1, tzinfo=UTC)},
        "rows_": [{"must": 2, "raw": b"", "when_": None}, {"must": 3, "raw": None, "when_": None}],
    }
    assert bigquery_client.insert_rows(bigquery_client.get_table(table), [row]) == []
    assert rows_of(bigquery_client, table) == [row]


def test_row_without_a_field_has_null_or_an_empty_array(bigquery_client: bigquery.Client, table: str) -> None:
    assert bigquery_client.insert_rows_json(table, [{"id": "a"}, {"id": "b", "one": {"must": 1}, "string": None}]) == []
    first, second = rows_of(bigquery_client, table)
    assert first["many"] == []
    assert first["one"] is first["string"] is None
    assert second["one"] == {"must": 1, "raw": None, "when_": None}


@pytest.mark.parametrize(
    ("column", "sent", "actual"),
    [
        ("integer", "42", 42),
        ("integer", 42.0, 42),
        ("float", "1.5", 1.5),
        ("float", "-Infinity", float("-inf")),
        ("float", 7, 7.0),
        ("numeric", 1.5, Decimal("1.5")),
        ("boolean", "TRUE", True),
        ("string", 12, "12"),
        ("string", True, "true"),
        ("timestamp", 1767323045, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("timestamp", 1767323045.678901, datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)),
        ("timestamp", "1767323045", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("timestamp", "2026-01-02T03:04:05.678901Z", datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)),
        ("timestamp", "2026-01-02 03:04:05 UTC", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("timestamp", "2026-01-02 03:04:05+05:30", datetime(2026, 1, 1, 21, 34, 5, tzinfo=UTC)),
        ("timestamp", "2026-1-2", datetime(2026, 1, 2, tzinfo=UTC)),
        ("timestamp", "2026-01-02 03:04:05 America/New_York", datetime(2026, 1, 2, 8, 4, 5, tzinfo=UTC)),
        ("date", "2026-1-2", date(2026, 1, 2)),
        ("datetime", "2026-01-02 03:04", datetime(2026, 1, 2, 3, 4)),
        ("json", '{"a": 1}', {"a": 1}),
        ("json", {"a": 1}, {"a": 1}),
        ("STRING", "names of columns are the same in capitals", "names of columns are the same in capitals"),
    ],
)
def test_row_value_that_bigquery_accepts_is_accepted(
    bigquery_client: bigquery.Client, table: str, column: str, sent: Any, actual: Any
) -> None:
    assert bigquery_client.insert_rows_json(table, [{"id": "a", column: sent}], retry=NO_RETRY) == []
    assert rows_of(bigquery_client, table)[0][column.lower()] == actual


@pytest.mark.parametrize(
    ("column", "value", "location", "sentence"),
    [
        ("nope", 1, "nope", "no such field: nope."),
        ("one", {"must": 1, "nope": 1}, "one.nope", "no such field: one.nope."),
        ("rows_", [{"must": 1}, {"must": 1, "nope": 1}], "rows_[1].nope", "no such field"),
        ("id", None, "id", "Missing required field: id."),
        ("one", {"raw": ""}, "", "Missing required field: one.must."),
        ("one", {"must": None}, "one.must", "Missing required field: one.must."),
        ("rows_", [{}], "", "Missing required field: rows_[0].must."),
        ("integer", 1.5, "integer", "Cannot convert value to integer (bad value): 1.5"),
        ("integer", 2**63, "integer", "out of range"),
        ("integer", True, "integer", "Cannot convert value to integer"),
        ("float", "x", "float", "Cannot convert value to floating point"),
        ("boolean", 1, "boolean", "Cannot convert value to boolean"),
        ("string", {"a": 1}, "string", "Cannot convert value to string"),
        ("string", ["a"], "string", "Array specified for non-repeated field: string."),
        ("many", 1, "many", "Repeated field must be given as an array: many."),
        ("many", None, "many", "Field value cannot be empty: many."),
        ("many", [1, None], "many[1]", "Only optional fields can be set to NULL"),
        ("many", [1, "x"], "many[1]", "Cannot convert value to integer"),
        ("one", "x", "one", "This field: one is not a record."),
        ("one", {"must": "x"}, "one.must", "Cannot convert value to integer (bad value): x"),
        ("timestamp", "yesterday", "timestamp", "Could not parse 'yesterday' as a timestamp"),
        ("timestamp", "2026-02-30", "timestamp", "Could not parse"),
        ("timestamp", 1e18, "timestamp", "out of range"),
        ("date", "2026-13-01", "date", "Could not parse"),
        ("time", "25:00:00", "time", "Could not parse"),
        ("bytes", "#", "bytes", "base64"),
        ("numeric", "1e30", "numeric", "out of range"),
        ("json", "{", "json", "Invalid JSON text"),
        ("string", "\ud800", "string", "not valid Unicode"),
    ],
)
def test_row_that_does_not_fit_the_schema_is_refused(
    bigquery_client: bigquery.Client, table: str, column: str, value: Any, location: str, sentence: str
) -> None:
    (problem,) = problems_of(bigquery_client, table, {"id": "a", column: value})
    assert problem["reason"] == "invalid"
    assert problem["location"] == location
    assert sentence in problem["message"]
    assert rows_of(bigquery_client, table) == []


def test_row_errors_name_every_problem(bigquery_client: bigquery.Client, table: str) -> None:
    actual = problems_of(bigquery_client, table, {"integer": "x", "nope": 1})
    assert {problem["message"].split(":")[0] for problem in actual} == {
        "no such field",
        "Missing required field",
        "Cannot convert value to integer (bad value)",
    }


def test_insert_with_an_invalid_row_stops_the_others(bigquery_client: bigquery.Client, table: str) -> None:
    entries = bigquery_client.insert_rows_json(table, [{"id": "a"}, {"id": "b", "nope": 1}, {"id": "c"}])
    assert [(entry["index"], entry["errors"][0]["reason"]) for entry in entries] == [
        (0, "stopped"),
        (1, "invalid"),
        (2, "stopped"),
    ]
    assert rows_of(bigquery_client, table) == []


def test_insert_with_skip_invalid_rows_inserts_the_valid_ones(bigquery_client: bigquery.Client, table: str) -> None:
    rows: list[dict[str, Any]] = [{"id": "a"}, {"id": "b", "nope": 1}, {"id": "c"}]
    entries = bigquery_client.insert_rows_json(table, rows, skip_invalid_rows=True)
    assert [entry["index"] for entry in entries] == [1]
    assert [row["id"] for row in rows_of(bigquery_client, table)] == ["a", "c"]


def test_insert_with_ignore_unknown_values_drops_unknown_fields(bigquery_client: bigquery.Client, table: str) -> None:
    row = {"id": "a", "nope": 1, "one": {"must": 1, "nope": 2}}
    assert bigquery_client.insert_rows_json(table, [row], ignore_unknown_values=True) == []
    assert rows_of(bigquery_client, table)[0]["one"]["must"] == 1


def test_insert_id_makes_a_repeated_row_one_row(bigquery_client: bigquery.Client, table: str) -> None:
    for _ in range(2):
        assert bigquery_client.insert_rows_json(table, [{"id": "a"}, {"id": "b"}], row_ids=["1", "2"]) == []
    assert bigquery_client.insert_rows_json(table, [{"id": "c"}, {"id": "c"}], row_ids=["3", "3"]) == []
    assert sorted(row["id"] for row in rows_of(bigquery_client, table)) == ["a", "b", "c"]


def test_insert_without_ids_keeps_equal_rows(bigquery_client: bigquery.Client, table: str) -> None:
    for _ in range(2):
        assert bigquery_client.insert_rows_json(table, [{"id": "a"}], row_ids=[None]) == []
    assert len(rows_of(bigquery_client, table)) == 2


def test_insert_id_of_a_refused_row_stays_usable(bigquery_client: bigquery.Client, table: str) -> None:
    assert bigquery_client.insert_rows_json(table, [{"id": "a", "nope": 1}], row_ids=["1"])
    assert bigquery_client.insert_rows_json(table, [{"id": "a"}], row_ids=["1"]) == []
    assert [row["id"] for row in rows_of(bigquery_client, table)] == ["a"]


def test_insert_id_counts_for_its_table_only(
    bigquery_client: bigquery.Client, table: str, bigquery_dataset: str
) -> None:
    bigquery_client.create_table(bigquery.Table(f"{bigquery_dataset}.other", [Field("id", "STRING")]))
    for name in (table, f"{bigquery_dataset}.other"):
        assert bigquery_client.insert_rows_json(name, [{"id": "a"}], row_ids=["1"]) == []
        assert len(rows_of(bigquery_client, name)) == 1


def test_insert_by_parallel_callers_loses_and_duplicates_no_row(bigquery_client: bigquery.Client, table: str) -> None:
    refused: list[Any] = []

    def insert(caller: int) -> None:
        for number in range(10):
            # Half of the rows are sent by two callers.
            name = f"{number}" if number % 2 else f"{caller}-{number}"
            refused.extend(bigquery_client.insert_rows_json(table, [{"id": name}], row_ids=[name]))

    callers = [threading.Thread(target=insert, args=(caller,)) for caller in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert refused == []
    actual = [row["id"] for row in rows_of(bigquery_client, table)]
    assert len(actual) == len(set(actual)) == 8 * 5 + 5


def test_query_sees_every_acknowledged_row(
    bigquery_client: bigquery.Client, table: str, ask_bigquery: Callable[..., list[tuple[Any, ...]]]
) -> None:
    for number in range(1, 6):
        bigquery_client.insert_rows_json(table, [{"id": "x"}], row_ids=[None])
        assert ask_bigquery(f"SELECT COUNT(*) FROM `{table}`") == [(number,)]


def test_row_of_the_product_fits_its_schema(bigquery_client: bigquery.Client) -> None:
    assert bigquery_client.insert_rows_json("local.bucketlens.predictions", [prediction(900)]) == []


def test_insert_into_a_view_is_refused(bigquery_client: bigquery.Client, bigquery_dataset: str) -> None:
    with pytest.raises(exceptions.NotFound, match=r"Not found: Table local:.*\.nope"):
        bigquery_client.insert_rows_json(f"{bigquery_dataset}.nope", [{"id": "a"}], retry=NO_RETRY)
    with pytest.raises(exceptions.BadRequest, match="it is a view"):
        bigquery_client.insert_rows_json("local.bucketlens.calls", [{"id": "a"}], retry=NO_RETRY)


def test_insert_without_rows_or_json_is_refused(
    warehouse_url: str, bigquery_dataset: str, bigquery_client: bigquery.Client
) -> None:
    bigquery_client.create_table(bigquery.Table(f"{bigquery_dataset}.t", [Field("x", "FLOAT")]))
    path = f"{warehouse_url}/bigquery/v2/projects/local/datasets/{bigquery_dataset.split('.')[1]}/tables/t/insertAll"
    for body in ("{}", '{"rows": []}', "{", "[]", '{"rows": [{"json": {"x": NaN}}]}'):
        answer = requests.post(path, data=body, timeout=10)
        assert answer.status_code == 400
        assert answer.json()["error"]["errors"][0]["reason"] == "invalid"
    assert requests.post(path, json={"rows": [3]}, timeout=10).json()["insertErrors"][0]["index"] == 0


def test_row_listing_has_pages_and_selected_columns(bigquery_client: bigquery.Client, bigquery_dataset: str) -> None:
    name = f"{bigquery_dataset}.t"
    bigquery_client.create_table(bigquery.Table(name, [Field("a", "INTEGER"), Field("b", "STRING")]))
    bigquery_client.insert_rows_json(name, [{"a": number, "b": f"{number}"} for number in range(25)])
    pages = [len(list(page)) for page in bigquery_client.list_rows(name, page_size=10).pages]
    assert pages == [10, 10, 5]
    assert [row["a"] for row in bigquery_client.list_rows(name, start_index=23)] == [23, 24]
    assert len(list(bigquery_client.list_rows(name, max_results=3))) == 3
    only = bigquery_client.list_rows(name, selected_fields=[Field("b", "STRING")], max_results=1)
    assert [tuple(row.values()) for row in only] == [("0",)]
    assert bigquery_client.get_table(name).num_rows == 25


def test_timestamps_are_written_in_the_requested_format(
    warehouse_url: str, bigquery_client: bigquery.Client, table: str
) -> None:
    bigquery_client.insert_rows_json(table, [{"id": "a", "timestamp": "2026-01-02T03:04:05.678901Z"}])
    _, dataset, name = table.split(".")
    path = f"{warehouse_url}/bigquery/v2/projects/local/datasets/{dataset}/tables/{name}/data?selectedFields=timestamp"
    actual = {}
    for option in ("", "&formatOptions.useInt64Timestamp=true", "&formatOptions.timestampOutputFormat=ISO8601_STRING"):
        actual[option] = requests.get(path + option, timeout=10).json()["rows"][0]["f"][0]["v"]
    assert list(actual.values()) == ["1.767323045678901E9", "1767323045678901", "2026-01-02T03:04:05.678901Z"]


def test_insert_stores_few_and_many_rows_equally(bigquery_client: bigquery.Client, bigquery_dataset: str) -> None:
    """The warehouse takes them in different ways (row_insert.py), where a table's types are plain."""
    inner = [Field("label", "STRING"), Field("score", "FLOAT"), Field("seen", "TIMESTAMP")]
    columns = [Field("text", "STRING"), Field("whole", "INTEGER"), Field("broken", "FLOAT"), Field("is_so", "BOOLEAN")]
    columns += [Field("day", "DATE"), Field("moment", "TIMESTAMP"), Field("list_", "FLOAT", "REPEATED")]
    columns += [Field("one", "RECORD", fields=inner), Field("rows_", "RECORD", "REPEATED", fields=inner)]
    full: dict[str, Any] = {"text": "é ' \" \0 🌹 NULL", "whole": 2**63 - 1, "broken": 1e-300, "is_so": False}
    full |= {"day": "0001-01-01", "moment": "2026-01-02T03:04:05.678901+02:00", "list_": [1, 2.5, "-inf"]}
    full |= {"one": {"label": "x", "score": 1}, "rows_": [{"label": "y", "score": 0.1, "seen": 0}, {"score": "inf"}]}
    empty: dict[str, Any] = {"text": ""}
    rows, copies = [full, empty, {"one": {}}], 4
    tables = [f"{bigquery_dataset}.{name}" for name in ("few", "many")]
    for table in tables:
        bigquery_client.create_table(bigquery.Table(table, columns))
    for _ in range(copies):
        assert bigquery_client.insert_rows_json(tables[0], rows) == []
    assert bigquery_client.insert_rows_json(tables[1], rows * copies) == []
    few, many = (rows_of(bigquery_client, table) for table in tables)
    assert few == many
    assert few[0]["text"] == full["text"]
    assert few[0]["list_"] == [1, 2.5, float("-inf")]
