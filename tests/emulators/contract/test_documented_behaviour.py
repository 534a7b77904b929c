"""What BigQuery documents beyond what we ask of a warehouse: how far a stand-in is from it.

That a test is expected to fail for a warehouse, and why, stands in warehouse_differences.py.
"""

from __future__ import annotations

import io
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from tests.emulators.contract.our_dataset import PATIENCE_S, Warehouse
from tests.emulators.no_retry import NO_RETRY

pytest_plugins = ("tests.emulators.contract.warehouse_fixtures",)
pytestmark = pytest.mark.timeout(600)  # the first test waits until the others' warehouses are installed

Field = bigquery.SchemaField
REFUSED = object()

QUERIES: dict[str, tuple[str, Any]] = {
    "a_script_has_variables": ("DECLARE x INT64 DEFAULT 1; SELECT x + 1", 2),
    "a_query_may_define_a_function": ("CREATE TEMP FUNCTION twice(x INT64) AS (x * 2); SELECT twice(2)", 4),
    "a_script_has_temporary_tables": ("CREATE TEMP TABLE one AS SELECT 1 AS x; SELECT x FROM one", 1),
    "bignumeric_has_38_digits_before_and_after_the_point": (
        f"SELECT CAST(CAST('{'1' * 38}.{'1' * 38}' AS BIGNUMERIC) AS STRING)",
        f"{'1' * 38}.{'1' * 38}",
    ),
    "to_json_string_writes_moments_as_rfc_3339": (
        "SELECT TO_JSON_STRING(TIMESTAMP '2026-01-02 03:04:05.678901+00')",
        '"2026-01-02T03:04:05.678901Z"',
    ),
    "array_agg_is_ordered_and_limited": (
        "SELECT ARRAY_AGG(x ORDER BY x DESC LIMIT 2) FROM UNNEST([1, 2, 3]) x",
        [3, 2],
    ),
    "approx_top_count_gives_values_with_their_counts": (
        "SELECT APPROX_TOP_COUNT(x, 1) FROM UNNEST(['a', 'a', 'b']) AS x",
        [{"value": "a", "count": 2}],
    ),
    "a_joined_array_may_have_an_offset": (
        "SELECT STRING_AGG(CONCAT(x, i) ORDER BY i) FROM (SELECT ['a', 'b'] AS l) AS t, t.l AS x WITH OFFSET AS i",
        "a0,b1",
    ),
    "a_row_without_elements_stays_where_an_array_is_joined_on_the_left": (
        "SELECT x FROM (SELECT 7 AS x, ARRAY<INT64>[] AS l) AS t LEFT JOIN UNNEST(t.l) AS element",
        7,
    ),
    "a_missing_record_of_a_left_join_is_null": (
        "SELECT s IS NULL FROM (SELECT ARRAY<STRUCT<a INT64>>[] AS l) AS t LEFT JOIN UNNEST(t.l) AS s ON TRUE",
        True,
    ),
    "an_array_inside_json_has_elements": ("""SELECT PARSE_JSON('{"q": [1, 2]}').q[1]""", 2),
    "there_are_geographies": ("SELECT ST_X(ST_GEOGPOINT(1, 2))", 1.0),
    "there_are_functions_of_the_net": ("SELECT NET.HOST('http://example.com/x')", "example.com"),
    "there_are_sketches": ("SELECT HLL_COUNT.EXTRACT(HLL_COUNT.INIT(x)) FROM UNNEST([1, 2, 2]) AS x", 2),
    "a_function_that_bigquery_lacks_is_refused": ("SELECT list_sum([1, 2])", REFUSED),
    "sql_reads_no_files_of_the_machine": ("SELECT COUNT(*) FROM read_text('/etc/hosts')", REFUSED),
    "a_pipe_is_a_query": ("FROM UNNEST([1, 2]) AS x |> AGGREGATE SUM(x) AS s", 3),
}


@pytest.mark.parametrize("rule", QUERIES)
def test_a_query_is_answered_as_documented(warehouse: Warehouse, rule: str) -> None:
    sql, expected = QUERIES[rule]
    if expected is REFUSED:
        refused(warehouse, sql)
    else:
        assert warehouse.ask(sql) == [(expected,)]


def refused(warehouse: Warehouse, sql: str, because: str | None = None) -> None:
    """Assert that a statement's job fails. (Not by jobs.query, whose error bqemulator does not report.)"""
    with pytest.raises(exceptions.BadRequest, match=because):
        warehouse.client.query(sql, retry=NO_RETRY, job_retry=NO_RETRY).result(retry=NO_RETRY, job_retry=NO_RETRY)


def make(warehouse: Warehouse, name: str, *fields: bigquery.SchemaField, **changes: Any) -> bigquery.Table:
    """Create a table; ``changes`` are its properties."""
    table = bigquery.Table(name, fields or [Field("a", "INTEGER")])
    for key, value in changes.items():
        setattr(table, key, value)
    return warehouse.client.create_table(table, retry=NO_RETRY)


def fill(warehouse: Warehouse, name: str) -> None:
    """Create a table with the column ``a`` and a row in which it is 1."""
    make(warehouse, name)
    assert warehouse.insert(name, {"a": 1}) == []


# Tables


def test_a_view_can_be_created_by_the_api(warehouse: Warehouse, dataset: str) -> None:
    make(warehouse, f"{dataset}.t")
    view = bigquery.Table(f"{dataset}.v")
    view.view_query = f"SELECT a + 1 AS b FROM `{dataset}.t`"
    warehouse.client.create_table(view, retry=NO_RETRY)
    assert warehouse.insert(f"{dataset}.t", {"a": 1}) == []
    assert warehouse.ask(f"SELECT b FROM `{dataset}.v`") == [(2,)]


def test_a_change_with_an_old_etag_is_refused(warehouse: Warehouse, dataset: str) -> None:
    mine = make(warehouse, f"{dataset}.t")
    theirs = warehouse.client.get_table(f"{dataset}.t")
    theirs.description = "theirs"
    warehouse.client.update_table(theirs, ["description"], retry=NO_RETRY)
    mine.description = "mine"
    with pytest.raises(exceptions.PreconditionFailed):
        warehouse.client.update_table(mine, ["description"], retry=NO_RETRY)


def test_the_api_drops_no_column(warehouse: Warehouse, dataset: str) -> None:
    table = make(warehouse, f"{dataset}.t", Field("a", "INTEGER"), Field("b", "INTEGER"))
    table.schema = table.schema[:1]
    with pytest.raises(exceptions.BadRequest):
        warehouse.client.update_table(table, ["schema"], retry=NO_RETRY)


def test_tables_whose_names_differ_by_case_are_two(warehouse: Warehouse, dataset: str) -> None:
    make(warehouse, f"{dataset}.t")
    make(warehouse, f"{dataset}.T")
    assert warehouse.insert(f"{dataset}.t", {"a": 1}) == []
    assert warehouse.ask(f"SELECT a FROM `{dataset}.T`") == []


def test_a_table_keeps_when_it_expires(warehouse: Warehouse, dataset: str) -> None:
    moment = datetime(2040, 1, 1, tzinfo=UTC)
    make(warehouse, f"{dataset}.t", expires=moment)
    assert warehouse.client.get_table(f"{dataset}.t").expires == moment


def test_a_table_that_has_expired_is_gone(warehouse: Warehouse, dataset: str) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=1)
    make(warehouse, f"{dataset}.t", expires=moment)
    while datetime.now(UTC) <= moment:
        time.sleep(0.1)
    with pytest.raises(exceptions.NotFound):
        warehouse.client.get_table(f"{dataset}.t", retry=NO_RETRY)


def test_a_column_may_be_a_bignumeric(warehouse: Warehouse, dataset: str) -> None:
    make(warehouse, f"{dataset}.t", Field("a", "BIGNUMERIC"))
    assert warehouse.insert(f"{dataset}.t", {"a": "1.5"}) == []
    assert warehouse.ask(f"SELECT CAST(a AS STRING) FROM `{dataset}.t`") == [("1.5",)]


# Changes


def test_a_table_is_created_by_a_statement(warehouse: Warehouse, dataset: str) -> None:
    warehouse.ask(f"CREATE TABLE `{dataset}.t` AS SELECT 1 AS a")
    assert warehouse.ask(f"SELECT a FROM `{dataset}.t`") == [(1,)]


def test_rows_are_inserted_by_a_statement(warehouse: Warehouse, dataset: str) -> None:
    make(warehouse, f"{dataset}.t")
    warehouse.ask(f"INSERT INTO `{dataset}.t` (a) VALUES (1)")
    assert warehouse.ask(f"SELECT a FROM `{dataset}.t`") == [(1,)]


def test_rows_are_updated_by_a_statement(warehouse: Warehouse, dataset: str) -> None:
    fill(warehouse, f"{dataset}.t")
    warehouse.ask(f"UPDATE `{dataset}.t` SET a = 7 WHERE TRUE")
    assert warehouse.ask(f"SELECT a FROM `{dataset}.t`") == [(7,)]


def test_rows_are_merged_by_a_statement(warehouse: Warehouse, dataset: str) -> None:
    fill(warehouse, f"{dataset}.t")
    warehouse.ask(
        f"MERGE `{dataset}.t` AS t USING (SELECT x AS a FROM UNNEST([1, 2]) AS x) AS s ON t.a = s.a "
        "WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a)"
    )
    assert warehouse.ask(f"SELECT a FROM `{dataset}.t` ORDER BY a") == [(1,), (2,)]


def test_rows_are_loaded_by_a_job(warehouse: Warehouse, dataset: str) -> None:
    table = make(warehouse, f"{dataset}.t")
    lines = io.BytesIO(b'{"a": 1}\n')
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", schema=table.schema)
    warehouse.client.load_table_from_file(lines, table, job_config=config).result(retry=None, timeout=PATIENCE_S)
    assert warehouse.ask(f"SELECT a FROM `{dataset}.t`") == [(1,)]


def test_streamed_rows_cannot_be_changed_for_a_while(warehouse: Warehouse, dataset: str) -> None:
    make(warehouse, f"{dataset}.t")
    assert warehouse.insert(f"{dataset}.t", {"a": 1}) == []
    refused(warehouse, f"DELETE FROM `{dataset}.t` WHERE a = 1", "streaming buffer")


def test_an_insert_of_more_than_ten_megabytes_is_refused(warehouse: Warehouse, dataset: str) -> None:
    make(warehouse, f"{dataset}.t", Field("a", "STRING"))
    with pytest.raises(exceptions.GoogleAPICallError) as refused:
        warehouse.insert(f"{dataset}.t", *({"a": "x" * (1 << 20)} for _ in range(11)))
    assert 400 <= (refused.value.code or 0) < 500


# Queries and jobs


def test_a_filter_on_the_partition_can_be_required(warehouse: Warehouse, dataset: str) -> None:
    fields = (Field("a", "INTEGER"), Field("day", "DATE"))
    by_day = bigquery.TimePartitioning(field="day")
    make(warehouse, f"{dataset}.t", *fields, time_partitioning=by_day, require_partition_filter=True)
    assert warehouse.ask(f"SELECT a FROM `{dataset}.t` WHERE day = '2026-01-02'") == []
    refused(warehouse, f"SELECT a FROM `{dataset}.t`", "day")


def test_a_dry_run_reports_the_bytes_that_a_query_reads(warehouse: Warehouse, dataset: str) -> None:
    fill(warehouse, f"{dataset}.t")
    config = bigquery.QueryJobConfig(dry_run=True)
    job = warehouse.client.query(f"SELECT a FROM `{dataset}.t`", job_config=config, retry=NO_RETRY, job_retry=NO_RETRY)
    assert job.total_bytes_processed == 8


def test_a_table_can_be_read_as_it_was(warehouse: Warehouse, dataset: str) -> None:
    fill(warehouse, f"{dataset}.t")
    moment = warehouse.ask("SELECT CURRENT_TIMESTAMP()")[0][0].isoformat()
    warehouse.ask(f"DELETE FROM `{dataset}.t` WHERE TRUE")
    assert warehouse.ask(f"SELECT a FROM `{dataset}.t` FOR SYSTEM_TIME AS OF TIMESTAMP '{moment}'") == [(1,)]


def test_a_query_can_write_its_rows_to_a_table(warehouse: Warehouse, dataset: str) -> None:
    warehouse.ask("SELECT 1 AS a", destination=f"{dataset}.t")
    assert warehouse.ask(f"SELECT a FROM `{dataset}.t`") == [(1,)]


def test_a_job_id_is_used_once(warehouse: Warehouse) -> None:
    job = bigquery.QueryJob(f"job-{uuid.uuid4()}", "SELECT 1", warehouse.client)
    warehouse.client._call_api(None, path="/projects/local/jobs", method="POST", data=job.to_api_repr())
    with pytest.raises(exceptions.Conflict):
        warehouse.client._call_api(None, path="/projects/local/jobs", method="POST", data=job.to_api_repr())


def test_a_table_is_copied_by_a_job(warehouse: Warehouse, dataset: str) -> None:
    fill(warehouse, f"{dataset}.t")
    job = warehouse.client.copy_table(f"{dataset}.t", f"{dataset}.copy", retry=NO_RETRY, timeout=PATIENCE_S)
    job.result(retry=None, timeout=PATIENCE_S)
    assert warehouse.ask(f"SELECT a FROM `{dataset}.copy`") == [(1,)]


def test_a_session_has_a_transaction_that_can_be_rolled_back(warehouse: Warehouse, dataset: str) -> None:
    fill(warehouse, f"{dataset}.t")
    warehouse.ask(f"BEGIN TRANSACTION; DELETE FROM `{dataset}.t` WHERE TRUE; ROLLBACK TRANSACTION;")
    assert warehouse.ask(f"SELECT a FROM `{dataset}.t`") == [(1,)]


def test_the_columns_of_a_dataset_can_be_queried(warehouse: Warehouse, dataset: str) -> None:
    make(warehouse, f"{dataset}.t", Field("a", "INTEGER", "REQUIRED"))
    sql = f"SELECT column_name, data_type, is_nullable FROM `{dataset}`.INFORMATION_SCHEMA.COLUMNS"
    assert warehouse.ask(sql) == [("a", "INT64", "NO")]


def test_legacy_sql_is_answered(warehouse: Warehouse) -> None:
    assert warehouse.ask("SELECT 1 AS a", use_legacy_sql=True) == [(1,)]
