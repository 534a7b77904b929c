"""Query jobs, through the real client."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.cloud import bigquery

from tests.emulators.no_retry import NO_RETRY

pytest_plugins = ("tests.emulators.warehouse_fixtures",)

Ask = Callable[..., list[tuple[Any, ...]]]
Field = bigquery.SchemaField
Scalar = bigquery.ScalarQueryParameter

ENDLESS = "SELECT SUM(a * b) FROM UNNEST(GENERATE_ARRAY(1, 1000000)) AS a, UNNEST(GENERATE_ARRAY(1, 1000000)) AS b"


def test_query_job_has_rows_a_schema_and_statistics(bigquery_client: bigquery.Client) -> None:
    sql = "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y' ORDER BY a"
    job = bigquery_client.query(sql, job_id=f"job-{uuid.uuid4()}", job_retry=NO_RETRY)
    assert [tuple(row.values()) for row in job.result()] == [(1, "x"), (2, "y")]
    actual = bigquery_client.get_job(job.job_id)
    assert isinstance(actual, bigquery.QueryJob)
    assert (actual.state, actual.statement_type, actual.error_result) == ("DONE", "SELECT", None)
    assert actual.ended is not None
    assert actual.destination is not None
    assert [
        row["b"] for row in bigquery_client.list_rows(actual.destination, selected_fields=[Field("b", "STRING")])
    ] == [
        "x",
        "y",
    ]
    assert job.job_id in [one.job_id for one in bigquery_client.list_jobs()]
    with pytest.raises(exceptions.Conflict, match="Already Exists: Job"):
        bigquery_client._call_api(None, path="/projects/local/jobs", method="POST", data=job.to_api_repr())


def test_query_results_have_pages(bigquery_client: bigquery.Client) -> None:
    rows = bigquery_client.query("SELECT x FROM UNNEST(GENERATE_ARRAY(1, 25)) AS x").result(page_size=10)
    assert [[row["x"] for row in page] for page in rows.pages] == [
        list(range(1, 11)),
        list(range(11, 21)),
        list(range(21, 26)),
    ]
    many = bigquery_client.query_and_wait("SELECT x FROM UNNEST(GENERATE_ARRAY(1, 25000)) AS x")
    assert (many.total_rows, sum(row["x"] for row in many)) == (25000, 25000 * 25001 // 2)
    some = bigquery_client.query("SELECT x FROM UNNEST(GENERATE_ARRAY(1, 25)) AS x").result(
        start_index=20, max_results=3
    )
    assert [row["x"] for row in some] == [21, 22, 23]


def test_query_parameters_keep_type_and_value(ask_bigquery: Ask) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    values: dict[str, Any] = {
        "STRING": 'it\'s "quoted" \\ \n é',
        "INT64": -(2**63),
        "FLOAT64": 0.1,
        "NUMERIC": Decimal("-1.5"),
        "BOOL": False,
        "BYTES": b"\xff\x00",
        "TIMESTAMP": moment,
        "DATETIME": moment.replace(tzinfo=None),
        "DATE": date(2026, 1, 2),
        "TIME": time(3, 4, 5),
        "JSON": {"a": [1]},
    }
    named = [Scalar(kind.lower(), kind, value) for kind, value in values.items()]
    assert ask_bigquery("SELECT " + ", ".join(f"@{kind}" for kind in values), None, *named) == [tuple(values.values())]
    placed = [Scalar(None, kind, value) for kind, value in values.items()]
    assert ask_bigquery("SELECT " + ", ".join("?" for _ in values), None, *placed) == [tuple(values.values())]
    nulls = [Scalar(None, kind, None) for kind in values]
    assert ask_bigquery("SELECT " + ", ".join("?" for _ in values), None, *nulls) == [(None,) * len(values)]


def test_query_parameters_can_be_arrays_and_structs(ask_bigquery: Ask) -> None:
    pairs = [bigquery.StructQueryParameter(None, Scalar("k", "STRING", key), Scalar("v", "INT64", 1)) for key in "ab"]
    actual = ask_bigquery(
        "SELECT @ids, @none, @pair.v + 1, ARRAY(SELECT k FROM UNNEST(@pairs)), 'b' IN UNNEST(@ids)",
        None,
        bigquery.ArrayQueryParameter("ids", "STRING", ["a", "b"]),
        bigquery.ArrayQueryParameter("none", "INT64", []),
        bigquery.StructQueryParameter("pair", Scalar("v", "INT64", 5)),
        bigquery.ArrayQueryParameter("pairs", "STRUCT", pairs),
    )
    assert actual == [(["a", "b"], [], 6, ["a", "b"], True)]


def test_positional_parameters_are_bound_in_order(ask_bigquery: Ask) -> None:
    sql = "WITH q AS (SELECT ? AS a) SELECT a, ?, '?' FROM q WHERE a = ? LIMIT ?"
    assert ask_bigquery(sql, None, *[Scalar(None, "INT64", value) for value in (1, 2, 1, 3)]) == [(1, 2, "?")]


def test_query_parameter_with_a_value_of_another_type_is_refused(ask_bigquery: Ask) -> None:
    with pytest.raises(exceptions.BadRequest, match="'x' is not a value of type INT64"):
        ask_bigquery("SELECT @a", None, bigquery.ScalarQueryParameter("a", "INT64", "x"))


def test_dry_run_checks_and_runs_nothing(bigquery_client: bigquery.Client, bigquery_dataset: str) -> None:
    config = bigquery.QueryJobConfig(dry_run=True, default_dataset=bigquery_dataset)
    job = bigquery_client.query("SELECT 1 AS a, [STRUCT('x' AS b)] AS c", job_config=config)
    assert [(field.name, field.mode) for field in job.schema or ()] == [("a", "NULLABLE"), ("c", "REPEATED")]
    assert (job.state, job.total_bytes_processed) == ("DONE", 0)
    table = bigquery_client.create_table(bigquery.Table(f"{bigquery_dataset}.t", [Field("a", "INTEGER")]))
    assert bigquery_client.insert_rows_json(table, [{"a": 1}]) == []
    bigquery_client.query("DELETE FROM t WHERE TRUE", job_config=config)
    assert bigquery_client.get_table(table).num_rows == 1
    with pytest.raises(exceptions.BadRequest, match="Unrecognized name: nope"):
        bigquery_client.query("SELECT nope", job_config=config)


def test_job_fails_with_the_error_of_its_statement(bigquery_client: bigquery.Client) -> None:
    job = bigquery_client.query("SELECT 10 / (x - 5) FROM UNNEST(GENERATE_ARRAY(1, 10)) AS x")
    with pytest.raises(exceptions.BadRequest, match="division by zero: 10 / 0"):
        job.result(retry=None, job_retry=None)
    assert job.error_result is not None
    assert job.error_result["reason"] == "invalidQuery"


def test_cancelled_job_ends(bigquery_client: bigquery.Client) -> None:
    job = bigquery_client.query(ENDLESS)
    assert job.state != "DONE"
    assert job.cancel()
    with pytest.raises(exceptions.ClientError, match="cancelled"):
        job.result(retry=None, job_retry=None, timeout=30)


def test_long_query_does_not_block_other_callers(
    bigquery_client: bigquery.Client, bigquery_dataset: str, ask_bigquery: Ask
) -> None:
    bigquery_client.create_table(bigquery.Table(f"{bigquery_dataset}.t", [Field("a", "INTEGER")]))
    jobs = [bigquery_client.query(ENDLESS) for _ in range(3)]
    try:
        assert bigquery_client.insert_rows_json(f"{bigquery_dataset}.t", [{"a": 1}], timeout=20) == []
        assert ask_bigquery(f"SELECT COUNT(*) FROM `{bigquery_dataset}.t`") == [(1,)]
        assert all(not job.done() for job in jobs)
    finally:
        for job in jobs:
            job.cancel()


def test_request_that_is_sent_twice_is_one_job(warehouse_url: str) -> None:
    body: dict[str, Any] = {
        "query": "SELECT GENERATE_UUID() AS u",
        "useLegacySql": False,
        "requestId": str(uuid.uuid4()),
    }
    path = f"{warehouse_url}/bigquery/v2/projects/local/queries"
    first, second = (requests.post(path, json=body, timeout=20).json() for _ in range(2))
    assert first["rows"] == second["rows"]
    assert first["jobReference"] == second["jobReference"]


def test_unsupported_job_is_refused_with_a_sentence(bigquery_client: bigquery.Client, bigquery_dataset: str) -> None:
    name = f"{bigquery_dataset}.t"
    bigquery_client.create_table(bigquery.Table(name, [Field("a", "INTEGER")]))
    to_a_table = bigquery.QueryJobConfig(destination=f"{bigquery_dataset}.u")
    calls: list[tuple[Callable[[], Any], str]] = [
        (lambda: bigquery_client.copy_table(name, f"{bigquery_dataset}.u", retry=NO_RETRY), "'copy' are not supported"),
        (lambda: bigquery_client.extract_table(name, "gs://b/o", retry=NO_RETRY), "'extract' are not supported"),
        (lambda: bigquery_client.load_table_from_uri("gs://b/o", name, retry=NO_RETRY), "'load' are not supported"),
        (
            lambda: bigquery_client.load_table_from_json([{"a": 1}], name, num_retries=0),
            "/upload/bigquery/v2/projects/local/jobs is not a method of the local warehouse",
        ),
        (
            lambda: bigquery_client.query("SELECT 1 AS a", job_config=to_a_table, retry=NO_RETRY),
            "A destination table for a query is not supported",
        ),
        (
            lambda: bigquery_client.query(
                "SELECT 1", job_config=bigquery.QueryJobConfig(use_legacy_sql=True), retry=NO_RETRY
            ),
            "Legacy SQL is not supported",
        ),
        (lambda: bigquery_client.get_job("nobody", retry=NO_RETRY), "Not found: Job local:US.nobody"),
    ]
    for call, sentence in calls:
        with pytest.raises(exceptions.GoogleAPICallError, match=sentence):
            call()


def test_parallel_queries_get_their_own_rows(bigquery_client: bigquery.Client) -> None:
    actual: dict[int, list[int]] = {}

    def run(number: int) -> None:
        rows = bigquery_client.query_and_wait(f"SELECT {number} * x AS y FROM UNNEST([1, 2, 3]) AS x")
        actual[number] = [row["y"] for row in rows]

    callers = [threading.Thread(target=run, args=(number,)) for number in range(12)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert actual == {number: [number, 2 * number, 3 * number] for number in range(12)}
