"""Publicly reported faults of BigQuery emulators, checked in the local warehouse: the right value, or a sentence."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

pytest_plugins = ("tests.emulators.warehouse_fixtures",)

Ask = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def name(bigquery_client: bigquery.Client) -> str:
    """A table of two rows in a dataset of its own."""
    dataset = f"reports_{uuid.uuid4().hex[:8]}"
    bigquery_client.create_dataset(dataset)
    table = f"local.{dataset}.numbers"
    columns = [bigquery.SchemaField("n", "INTEGER"), bigquery.SchemaField("word", "STRING")]
    bigquery_client.create_table(bigquery.Table(table, columns))
    assert bigquery_client.insert_rows_json(table, [{"n": 1, "word": "one"}, {"n": 2, "word": "two"}]) == []
    return table


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (r"'a_b' LIKE 'a\\_b'", True),
        (r"'axb' LIKE 'a\\_b'", False),
        (r"'50%' LIKE '50\\%' AND '505' NOT LIKE '50\\%'", True),
        (r"'a\\b' LIKE 'a\\\\b'", True),
        (r"'a_b' LIKE ANY ('x', 'a\\_b')", True),
        ("'axb' LIKE 'a_b' AND 'axyb' LIKE 'a%b'", True),
        ("""JSON_QUERY('{"a": [1]}', '$.a') || '!'""", "[1]!"),
        ("""JSON_EXTRACT('{"a": null}', '$.a')""", None),
        ("""JSON_QUERY_ARRAY('{"a": [1, "b"]}', '$.a')""", ["1", '"b"']),
        ("FORMAT('%T and %t', 'q', 'q')", '"q" and q'),
        ("CAST('0x1F' AS INT64) + CAST('-0xf' AS INT64)", 16),
        ('JSON_KEYS(JSON \'{"a": {"b": 1}}\', 1)', ["a"]),
    ],
)
def test_expression_of_a_report_has_the_value_of_bigquery(ask_bigquery: Ask, sql: str, expected: Any) -> None:
    assert ask_bigquery(f"SELECT {sql}") == [(expected,)]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("ROW_NUMBER() OVER (PARTITION BY MOD(x, 2) ORDER BY x)", [1, 1, 2]),
        ("SUM(x) OVER (PARTITION BY DIV(x, 2))", [1, 5, 5]),
        ("RANK() OVER (ORDER BY x / 2 DESC)", [3, 2, 1]),
        ("RANK() OVER (ORDER BY CAST(CAST(x AS STRING) AS INT64))", [1, 2, 3]),
        ("COUNT(*) OVER (PARTITION BY [x, 1][OFFSET(1)])", [3, 3, 3]),
    ],
)
def test_window_keys_can_be_computed(ask_bigquery: Ask, window: str, expected: list[int]) -> None:
    rows = ask_bigquery(f"SELECT x, {window} AS w FROM UNNEST([1, 2, 3]) AS x ORDER BY x")
    assert [w for _, w in rows] == expected
    assert len(ask_bigquery(f"SELECT x FROM UNNEST([1, 2, 3]) AS x QUALIFY {window} < 9")) == 3


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("SELECT 1 / x FROM UNNEST([0]) AS x", "division by zero: 1 / 0"),
        ("SELECT MOD(x, 0) FROM UNNEST([7]) AS x", r"division by zero: MOD\(7, 0\)"),
        ("SELECT [1][OFFSET(x)] FROM UNNEST([5]) AS x", "Array index 5 is out of bounds"),
        ('SELECT CAST(x AS INT64) FROM UNNEST(["it\'s"]) AS x', "Bad int64 value: it's"),
        ("SELECT SUM(x) OVER (PARTITION BY RAND()) FROM UNNEST([1]) AS x", "PARTITION BY of a window cannot contain"),
        ("SELECT [1, NULL] AS x", "Array cannot have a null element; error in writing field x"),
        ("SELECT JSON_KEYS(JSON '{}')", "not supported by the local warehouse"),
        ("SELECT CODE_POINTS_TO_STRING([65])", "the local warehouse does not have"),
        ("SELECT * FROM `reports.ev_*`", "Wildcard tables .* not supported"),
        ("SELECT * FROM `reports.t$20260101`", "Partition decorators .* not supported"),
        ("SELECT * FROM reports.__TABLES__", "__TABLES__ is not supported"),
        ("SELECT PARSE_DATE('%Y', 'x')", 'Failed to parse input string "x"'),
        ("SELECT [1, 'a']", "Array elements|Bad int64|cannot run this statement"),
        ("SELECT (SELECT x FROM UNNEST([1, 2]) AS x)", "Scalar subquery produced more than one element"),
    ],
)
def test_error_of_duckdb_becomes_a_sentence_of_bigquery(ask_bigquery: Ask, sql: str, sentence: str) -> None:
    with pytest.raises(exceptions.GoogleAPICallError, match=sentence) as caught:
        ask_bigquery(sql)
    assert "DuckDB" not in caught.value.message
    assert "volatile" not in caught.value.message


def test_pseudo_column_is_reported_as_unsupported(ask_bigquery: Ask, name: str) -> None:
    with pytest.raises(exceptions.BadRequest, match="pseudo-column _PARTITIONTIME is not supported"):
        ask_bigquery(f"SELECT _PARTITIONTIME FROM `{name}`")


def test_array_elements_have_the_field_names_of_the_first(bigquery_client: bigquery.Client) -> None:
    rows = bigquery_client.query_and_wait("SELECT * FROM UNNEST([STRUCT(1 AS id, 'a' AS name), (2, 'b')])")
    assert [field.name for field in rows.schema] == ["id", "name"]
    assert [tuple(row.values()) for row in rows] == [(1, "a"), (2, "b")]
    alone = bigquery_client.query_and_wait("SELECT * FROM UNNEST([1])")
    assert [field.name for field in alone.schema] == ["f0_"]
    value = bigquery_client.query_and_wait("SELECT AS VALUE STRUCT(1 AS a, 'x' AS b)")
    assert [field.name for field in value.schema] == ["a", "b"]


def test_query_result_is_a_table_until_it_is_forgotten(bigquery_client: bigquery.Client, ask_bigquery: Ask) -> None:
    job = bigquery_client.query("SELECT 1 AS n, [STRUCT('x' AS a)] AS parts UNION ALL SELECT 2, []")
    job.result()
    assert job.destination is not None
    table = bigquery_client.get_table(job.destination)
    assert (table.num_rows, [field.name for field in table.schema]) == (2, ["n", "parts"])
    assert sorted(row["n"] for row in bigquery_client.list_rows(table)) == [1, 2]
    table_name = f"`{job.destination.project}.{job.destination.dataset_id}.{job.destination.table_id}`"
    assert ask_bigquery(f"SELECT SUM(n) FROM {table_name}") == [(3,)]
    assert ask_bigquery(f"SELECT a FROM {table_name} AS found, UNNEST(found.parts) ORDER BY a") == [("x",)]
    with pytest.raises(exceptions.BadRequest, match="result of a query"):
        ask_bigquery(f"DELETE FROM {table_name} WHERE TRUE")
    with pytest.raises(exceptions.BadRequest, match="result of a query"):
        bigquery_client.delete_table(table)
    with pytest.raises(exceptions.NotFound):
        bigquery_client.get_table("local._results.nosuch")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("EXTRACT(ISOYEAR FROM DATE '2027-01-01')", 2026),
        ("EXTRACT(ISOWEEK FROM DATE '2027-01-01')", 53),
        ("EXTRACT(WEEK FROM DATE '2026-12-31')", 52),
        ("FORMAT_DATE('%G-W%V', DATE '2024-12-30')", "2025-W01"),
        ("DATE_DIFF(DATE '2027-01-01', DATE '2026-12-31', YEAR)", 1),
        ("DATE_DIFF(DATE '2027-01-03', DATE '2026-12-31', ISOYEAR)", 0),
        ("DATE_TRUNC(DATE '2027-01-01', ISOYEAR)", date(2025, 12, 29)),
        ("DATE_TRUNC(DATE '2027-01-01', WEEK)", date(2026, 12, 27)),
        ("DATE_TRUNC(DATE '2027-01-01', ISOWEEK)", date(2026, 12, 28)),
        ("DATE(TIMESTAMP '2026-12-31 23:30:00+00', 'Europe/Madrid')", date(2027, 1, 1)),
        ("EXTRACT(YEAR FROM TIMESTAMP '2026-12-31 23:30:00+00' AT TIME ZONE 'Europe/Madrid')", 2027),
        ("FORMAT_TIMESTAMP('%Y', TIMESTAMP '2026-12-31 23:30:00+00', 'Europe/Madrid')", "2027"),
        ("TIMESTAMP('2027-01-01 00:30:00', 'Europe/Madrid')", datetime(2026, 12, 31, 23, 30, tzinfo=UTC)),
        (
            "TIMESTAMP_TRUNC(TIMESTAMP '2026-12-31 23:30:00+00', YEAR, 'Europe/Madrid')",
            datetime(2026, 12, 31, 23, tzinfo=UTC),
        ),
    ],
)
def test_year_ends_by_calendar_and_time_zone(ask_bigquery: Ask, sql: str, expected: Any) -> None:
    assert ask_bigquery(f"SELECT {sql}") == [(expected,)]
