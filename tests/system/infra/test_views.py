"""Tests that the views are BigQuery SQL, each in a file that describes its rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlglot import exp

BIGQUERY = Path(__file__).parents[3] / "infra" / "bigquery"
VIEWS = sorted((BIGQUERY / "views").glob("*.sql"))
TABLES = {path.stem for path in (BIGQUERY / "tables").glob("*.json")}
KNOWN = TABLES | {path.stem for path in VIEWS}
APPEND_ONLY = {"predictions", "failures", "model_events"}


each_view = pytest.mark.parametrize("path", VIEWS, ids=lambda path: path.stem)


def query_of(path: Path) -> exp.Query:
    """Parse a view as BigQuery would, in a dataset called the_dataset."""
    statements = sqlglot.parse(path.read_text("utf-8").replace("${dataset}", "the_dataset"), read="bigquery")
    assert len(statements) == 1
    [query] = statements
    assert isinstance(query, exp.Query)
    return query


def sources_of(query: exp.Query) -> set[str]:
    return {table.name for table in query.find_all(exp.Table)}


def test_views_are_those_of_the_design() -> None:
    assert {path.stem for path in VIEWS} >= {
        "latest_predictions",
        "predictions_by_model",
        "calls",
        "daily_label_counts",
        "rejected_uploads",
        "latency_by_revision",
        "review_queue",
        "audit_queue",
        "model_history",
    }


@each_view
def test_view_is_one_query_in_bigquery_sql(path: Path) -> None:
    stars = query_of(path).find_all(exp.Star)
    assert all(isinstance(star.parent, exp.Count) for star in stars)  # SELECT * would change with its table


@each_view
def test_view_names_only_tables_of_its_dataset(path: Path) -> None:
    for table in query_of(path).find_all(exp.Table):
        assert (table.catalog, table.db) == ("", "the_dataset"), table.sql("bigquery")
        assert table.name in KNOWN
    assert set(re.findall(r"\$\{(\w+)\}", path.read_text("utf-8"))) == {"dataset"}


@each_view
def test_view_comment_names_grain_sources_and_use(path: Path) -> None:
    grain, source, use, *_ = path.read_text("utf-8").splitlines()
    assert grain.startswith("-- Grain: one row per ")
    assert source.startswith("-- From:  ")
    assert use.startswith("-- Use:   ")
    named = set(re.findall(r"\w+", re.sub(r"\(.*?\)", "", source))) & KNOWN
    assert named == sources_of(query_of(path))


@each_view
def test_view_counts_a_repeated_row_once_and_prunes(path: Path) -> None:
    """Check windows (``calls`` counts rows on purpose): the partitioning column comes first, so a filter passes."""
    query = query_of(path)
    if path.stem == "calls" or not sources_of(query) & APPEND_ONLY:
        return
    [window] = query.find_all(exp.Window)
    key = "event_id" if path.stem == "model_history" else "uploaded_on"  # an event may be recorded on another day
    assert window.args["partition_by"][0].sql("bigquery") == key
    assert query.args["qualify"].sql("bigquery").endswith("= 1")


@each_view
def test_view_keeps_the_column_that_prunes(path: Path) -> None:
    if path.stem != "latency_by_revision":  # which counts over all days
        column = "happened_on" if path.stem == "model_history" else "uploaded_on"
        assert column in query_of(path).named_selects


@each_view
def test_view_names_each_column_once(path: Path) -> None:
    names = query_of(path).named_selects
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)


@pytest.mark.parametrize("view", ["latest_predictions", "predictions_by_model"])
def test_view_of_predictions_has_every_column_of_the_table(view: str) -> None:
    columns = [field["name"] for field in json.loads((BIGQUERY / "tables" / "predictions.json").read_text("utf-8"))]
    assert sorted(query_of(BIGQUERY / "views" / f"{view}.sql").named_selects) == sorted(columns)


ALL_DAYS = {
    "latency_by_revision",  # has no day
    "model_history",  # an event that is recorded again on another day is the same event, and events are few
    "results",  # a picture that comes again on another day is the same picture, and an old label of it holds
}
PRUNING = [path.stem for path in VIEWS if path.stem not in ALL_DAYS]
ONE_DAY = "WHERE uploaded_on = DATE '2026-01-03'"


@pytest.fixture
def planner() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB with the tables, rows of three days, and the views: it explains how it would read them."""
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA the_dataset")
        for table in sorted(TABLES):
            fields = json.loads((BIGQUERY / "tables" / f"{table}.json").read_text("utf-8"))
            columns = ", ".join(f"{field['name']} {type_of(field)}" for field in fields)
            [sql] = sqlglot.transpile(f"CREATE TABLE the_dataset.{table} ({columns})", "bigquery", "duckdb")
            connection.execute(sql)
            day = next(field["name"] for field in fields if field["type"] == "DATE")
            # An id, too: DuckDB drops a scan whose filter on it is true of no row.
            ids = [field["name"] for field in fields if field["name"] == "upload_id"]
            days = f"'2026-01-01'::DATE + CAST(i % 3 AS INTEGER){', CAST(i AS VARCHAR)' * len(ids)}"
            connection.execute(
                f"INSERT INTO the_dataset.{table} ({', '.join([day, *ids])}) SELECT {days} FROM range(99) AS t(i)"
            )
        for path in sorted(VIEWS, key=lambda path: len(sources_of(query_of(path)) & APPEND_ONLY) == 0):
            connection.execute(f"CREATE VIEW the_dataset.{path.stem} AS {query_of(path).sql('duckdb')}")
        yield connection


def type_of(field: dict[str, Any]) -> str:
    """Return a field's type in BigQuery SQL."""
    name = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}.get(field["type"], field["type"])
    if name == "RECORD":
        inner = ", ".join(f"{inner_field['name']} {type_of(inner_field)}" for inner_field in field["fields"])
        name = f"STRUCT<{inner}>"
    return f"ARRAY<{name}>" if field["mode"] == "REPEATED" else name


def scans_of(planner: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    """Return the filter of each table's scan, in the plan of a query."""
    [(_, plan)] = planner.execute(f"EXPLAIN (FORMAT json) {sql}").fetchall()
    waiting, filters = json.loads(plan), {}
    while waiting:
        step = waiting.pop()
        waiting += step["children"]
        if step["name"].strip() == "SEQ_SCAN":
            details = step["extra_info"]
            filters[details["Table"].rpartition(".")[2]] = str(details.get("Filters", ""))
    return filters


@pytest.mark.parametrize("view", PRUNING)
def test_view_passes_a_filter_on_the_day_to_each_partitioned_table(
    planner: duckdb.DuckDBPyConnection, view: str
) -> None:
    """Plan with DuckDB, which may push a filter below a window if the window is partitioned by its column.

    What reaches the scan in BigQuery prunes partitions: https://cloud.google.com/bigquery/docs/querying-partitioned-tables
    """
    scans = scans_of(planner, f"SELECT * FROM the_dataset.{view} {ONE_DAY}")
    assert {table for table in scans if table in APPEND_ONLY}
    assert [table for table, filters in scans.items() if table in APPEND_ONLY and "uploaded_on" not in filters] == []


def test_view_window_without_the_day_would_block_the_filter(planner: duckdb.DuckDBPyConnection) -> None:
    query = query_of(BIGQUERY / "views" / "latest_predictions.sql").sql("duckdb")
    worse = query.replace("PARTITION BY uploaded_on, upload_id", "PARTITION BY upload_id")
    assert worse != query
    assert scans_of(planner, f"SELECT * FROM ({query}) {ONE_DAY}") != {"predictions": ""}
    assert scans_of(planner, f"SELECT * FROM ({worse}) {ONE_DAY}") == {"predictions": ""}
