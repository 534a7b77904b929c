"""Query jobs and load jobs, through the real client."""

from __future__ import annotations

import io
import json
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

pytest_plugins = ("tests.emulators.warehouse_fixtures",)

Ask = Callable[..., list[tuple[Any, ...]]]
Field = bigquery.SchemaField
Scalar = bigquery.ScalarQueryParameter
JSON_LINES = bigquery.SourceFormat.NEWLINE_DELIMITED_JSON

ENDLESS = "SELECT SUM(a * b) FROM UNNEST(GENERATE_ARRAY(1, 1000000)) AS a, UNNEST(GENERATE_ARRAY(1, 1000000)) AS b"


def test_a_query_job_has_rows_a_schema_and_statistics(bigquery_client: bigquery.Client) -> None:
    sql = "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y' ORDER BY a"
    job = bigquery_client.query(sql, job_id=f"job-{uuid.uuid4()}", job_retry=None)
    assert [tuple(row.values()) for row in job.result()] == [(1, "x"), (2, "y")]
    found = bigquery_client.get_job(job.job_id)
    assert isinstance(found, bigquery.QueryJob)
    assert (found.state, found.statement_type, found.error_result) == ("DONE", "SELECT", None)
    assert found.ended is not None
    assert found.destination is not None
    assert [
        row["b"] for row in bigquery_client.list_rows(found.destination, selected_fields=[Field("b", "STRING")])
    ] == [
        "x",
        "y",
    ]
    assert job.job_id in [one.job_id for one in bigquery_client.list_jobs()]
    with pytest.raises(exceptions.Conflict, match="Already Exists: Job"):
        bigquery_client._call_api(None, path="/projects/local/jobs", method="POST", data=job.to_api_repr())


def test_results_come_by_pages(bigquery_client: bigquery.Client) -> None:
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


def test_parameters_keep_their_type_and_their_value(ask_bigquery: Ask) -> None:
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


def test_parameters_may_be_arrays_and_structs(ask_bigquery: Ask) -> None:
    pairs = [bigquery.StructQueryParameter(None, Scalar("k", "STRING", key), Scalar("v", "INT64", 1)) for key in "ab"]
    found = ask_bigquery(
        "SELECT @ids, @none, @pair.v + 1, ARRAY(SELECT k FROM UNNEST(@pairs)), 'b' IN UNNEST(@ids)",
        None,
        bigquery.ArrayQueryParameter("ids", "STRING", ["a", "b"]),
        bigquery.ArrayQueryParameter("none", "INT64", []),
        bigquery.StructQueryParameter("pair", Scalar("v", "INT64", 5)),
        bigquery.ArrayQueryParameter("pairs", "STRUCT", pairs),
    )
    assert found == [(["a", "b"], [], 6, ["a", "b"], True)]


def test_positional_parameters_are_taken_in_the_order_of_their_marks(ask_bigquery: Ask) -> None:
    sql = "WITH q AS (SELECT ? AS a) SELECT a, ?, '?' FROM q WHERE a = ? LIMIT ?"
    assert ask_bigquery(sql, None, *[Scalar(None, "INT64", value) for value in (1, 2, 1, 3)]) == [(1, 2, "?")]


def test_a_value_that_is_not_of_its_parameters_type_is_refused(ask_bigquery: Ask) -> None:
    with pytest.raises(exceptions.BadRequest, match="'x' is not a value of type INT64"):
        ask_bigquery("SELECT @a", None, bigquery.ScalarQueryParameter("a", "INT64", "x"))


def test_a_dry_run_checks_and_runs_nothing(bigquery_client: bigquery.Client, bigquery_dataset: str) -> None:
    config = bigquery.QueryJobConfig(dry_run=True, default_dataset=bigquery_dataset)
    job = bigquery_client.query("SELECT 1 AS a, [STRUCT('x' AS b)] AS c", job_config=config)
    assert [(field.name, field.mode) for field in job.schema or ()] == [("a", "NULLABLE"), ("c", "REPEATED")]
    assert (job.state, job.total_bytes_processed) == ("DONE", 0)
    bigquery_client.query("CREATE TABLE t (a INT64)", job_config=config)
    assert list(bigquery_client.list_tables(bigquery_dataset)) == []
    with pytest.raises(exceptions.BadRequest, match="Unrecognized name: nope"):
        bigquery_client.query("SELECT nope", job_config=config)


def test_a_statement_that_fails_while_it_runs_fails_its_job(bigquery_client: bigquery.Client) -> None:
    job = bigquery_client.query("SELECT 10 / (x - 5) FROM UNNEST(GENERATE_ARRAY(1, 10)) AS x")
    with pytest.raises(exceptions.BadRequest, match="division by zero: 10 / 0"):
        job.result(retry=None, job_retry=None)
    assert job.error_result is not None
    assert job.error_result["reason"] == "invalidQuery"


def test_a_job_that_is_cancelled_ends(bigquery_client: bigquery.Client) -> None:
    job = bigquery_client.query(ENDLESS)
    assert job.state != "DONE"
    assert job.cancel()
    with pytest.raises(exceptions.ClientError, match="cancelled"):
        job.result(retry=None, job_retry=None, timeout=30)


def test_a_query_that_takes_long_holds_up_nobody_else(
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


def test_a_request_that_is_sent_twice_is_one_job(warehouse_url: str) -> None:
    body = {"query": "SELECT GENERATE_UUID() AS u", "useLegacySql": False, "requestId": str(uuid.uuid4())}
    path = f"{warehouse_url}/bigquery/v2/projects/local/queries"
    first, second = (requests.post(path, json=body, timeout=20).json() for _ in range(2))
    assert first["rows"] == second["rows"]
    assert first["jobReference"] == second["jobReference"]


def test_a_querys_rows_go_to_a_table_as_its_job_says(
    bigquery_client: bigquery.Client, bigquery_dataset: str, ask_bigquery: Ask
) -> None:
    target = f"{bigquery_dataset}.t"

    def run(sql: str, disposition: str, **more: Any) -> None:
        config = bigquery.QueryJobConfig(destination=target, write_disposition=disposition, **more)
        bigquery_client.query(sql, job_config=config).result(retry=None, job_retry=None)

    run("SELECT 1 AS a, [STRUCT('x' AS b)] AS c", "WRITE_EMPTY", clustering_fields=["a"])
    assert bigquery_client.get_table(target).clustering_fields == ["a"]
    with pytest.raises(exceptions.Conflict, match="Already Exists"):
        run("SELECT 2 AS a", "WRITE_EMPTY")
    run("SELECT 2 AS a", "WRITE_APPEND")
    assert ask_bigquery(f"SELECT a, c FROM `{target}` ORDER BY a") == [(1, [{"b": "x"}]), (2, [])]
    with pytest.raises(exceptions.BadRequest, match="Cannot add fields"):
        run("SELECT 3 AS a, 'y' AS d", "WRITE_APPEND")
    run("SELECT 3 AS a, 'y' AS d", "WRITE_APPEND", schema_update_options=["ALLOW_FIELD_ADDITION"])
    with pytest.raises(exceptions.BadRequest, match="changed type"):
        run("SELECT 'x' AS a", "WRITE_APPEND")
    assert ask_bigquery(f"SELECT a, d FROM `{target}` ORDER BY a") == [(1, None), (2, None), (3, "y")]
    run(f"SELECT MAX(a) AS top FROM `{target}`", "WRITE_TRUNCATE")
    assert ask_bigquery(f"SELECT * FROM `{target}`") == [(3,)]


def test_rows_are_loaded_with_a_schema_or_with_the_tables_own(
    bigquery_client: bigquery.Client, bigquery_dataset: str, ask_bigquery: Ask
) -> None:
    inner = [Field("b", "STRING", "REQUIRED"), Field("when_", "TIMESTAMP")]
    schema = [Field("a", "INTEGER"), Field("r", "RECORD", "REPEATED", fields=inner), Field("j", "JSON")]
    config = bigquery.LoadJobConfig(schema=schema, clustering_fields=["a"])
    rows = [{"a": 1, "r": [{"b": "x", "when_": "2026-01-02T03:04:05Z"}], "j": "text"}, {"a": 2, "j": {"k": None}}]
    job = bigquery_client.load_table_from_json(rows, f"{bigquery_dataset}.t", job_config=config).result()
    assert (job.output_rows, job.state) == (2, "DONE")
    bigquery_client.load_table_from_json([{"a": 3}], f"{bigquery_dataset}.t").result()
    assert ask_bigquery(f"SELECT * FROM `{bigquery_dataset}.t` ORDER BY a") == [
        (1, [{"b": "x", "when_": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)}], "text"),
        (2, [], {"k": None}),
        (3, [], None),
    ]
    assert bigquery_client.get_table(f"{bigquery_dataset}.t").clustering_fields == ["a"]
    config = bigquery.LoadJobConfig(write_disposition="WRITE_TRUNCATE")
    bigquery_client.load_table_from_json([{"a": 9}], f"{bigquery_dataset}.t", job_config=config).result()
    assert ask_bigquery(f"SELECT a FROM `{bigquery_dataset}.t`") == [(9,)]


def test_a_load_job_with_a_bad_row_loads_nothing_and_names_it(
    bigquery_client: bigquery.Client, bigquery_dataset: str, ask_bigquery: Ask
) -> None:
    bigquery_client.create_table(bigquery.Table(f"{bigquery_dataset}.t", [Field("a", "INTEGER", "REQUIRED")]))
    rows = [{"a": 1}, {"a": "x"}, {"a": 2, "nope": 1}, {}]
    job = bigquery_client.load_table_from_json(rows, f"{bigquery_dataset}.t")
    with pytest.raises(exceptions.BadRequest, match="4 rows, 3 errors"):
        job.result(retry=None)
    assert [error["message"].split("Row: ")[1][0] for error in job.errors or ()] == ["2", "3", "4"]
    assert ask_bigquery(f"SELECT COUNT(*) FROM `{bigquery_dataset}.t`") == [(0,)]
    config = bigquery.LoadJobConfig(max_bad_records=3, schema=[Field("a", "INTEGER", "REQUIRED")])
    assert (
        bigquery_client.load_table_from_json(rows, f"{bigquery_dataset}.t", job_config=config).result().output_rows == 1
    )


def test_the_schema_of_json_is_detected(bigquery_client: bigquery.Client, bigquery_dataset: str) -> None:
    rows = [
        {"i": 1, "f": 1, "b": True, "s": "x", "t": "2026-01-02T03:04:05Z", "d": "2026-01-02", "n": None, "l": []},
        {"i": 2, "f": 1.5, "b": False, "s": "5", "t": "2026-01-02 03:04:05", "l": [{"k": 1}], "r": {"k": "x"}},
    ]
    bigquery_client.load_table_from_json(rows, f"{bigquery_dataset}.t").result()
    found = {
        field.name: (field.field_type, field.mode)
        for field in bigquery_client.get_table(f"{bigquery_dataset}.t").schema
    }
    kinds = ("INTEGER", "FLOAT", "BOOLEAN", "STRING", "TIMESTAMP", "DATE", "STRING", "RECORD")
    expected = {name: (kind, "NULLABLE") for name, kind in zip("ifbstdnr", kinds, strict=True)}
    assert found == expected | {"l": ("RECORD", "REPEATED")}


def test_csv_is_loaded_with_a_header_and_nulls(
    bigquery_client: bigquery.Client, bigquery_dataset: str, ask_bigquery: Ask
) -> None:
    schema = [Field("a", "INTEGER"), Field("b", "STRING"), Field("c", "DATE")]
    text = b'a;b;c\n1;"x;""y""\nz";2026-01-02\n2;NULL;\n'
    config = bigquery.LoadJobConfig(schema=schema, skip_leading_rows=1, field_delimiter=";", null_marker="NULL")
    bigquery_client.load_table_from_file(io.BytesIO(text), f"{bigquery_dataset}.t", job_config=config).result()
    assert ask_bigquery(f"SELECT * FROM `{bigquery_dataset}.t` ORDER BY a") == [
        (1, 'x;"y"\nz', date(2026, 1, 2)),
        (2, None, None),
    ]
    config = bigquery.LoadJobConfig(autodetect=True)
    bigquery_client.load_table_from_file(
        io.BytesIO(b"when,n\n2026-01-02,1\n"), f"{bigquery_dataset}.u", job_config=config
    ).result()
    assert ask_bigquery(f"SELECT `when`, n FROM `{bigquery_dataset}.u`") == [(date(2026, 1, 2), 1)]
    bad = bigquery_client.load_table_from_file(
        io.BytesIO(b"1,2,3\n"), f"{bigquery_dataset}.u", job_config=bigquery.LoadJobConfig()
    )
    with pytest.raises(exceptions.BadRequest, match="1 errors"):
        bad.result(retry=None)


def test_a_large_file_comes_in_chunks(
    bigquery_client: bigquery.Client, bigquery_dataset: str, ask_bigquery: Ask
) -> None:
    lines = b"".join(json.dumps({"a": number, "s": "x" * 100}).encode() + b"\n" for number in range(5000))
    config = bigquery.LoadJobConfig(
        source_format=JSON_LINES, schema=[Field("a", "INTEGER"), Field("s", "STRING")], write_disposition="WRITE_EMPTY"
    )
    # Without a size, the client begins a resumable upload.
    job = bigquery_client.load_table_from_file(io.BytesIO(lines), f"{bigquery_dataset}.t", job_config=config)
    assert job.result().output_rows == 5000
    assert ask_bigquery(f"SELECT COUNT(*), SUM(a) FROM `{bigquery_dataset}.t`") == [(5000, 4999 * 5000 // 2)]


def test_a_resumable_upload_says_how_far_it_is_and_goes_on(
    warehouse_url: str, bigquery_dataset: str, ask_bigquery: Ask
) -> None:
    name = {"projectId": "local", "datasetId": bigquery_dataset.split(".")[1], "tableId": "t"}
    load = {"destinationTable": name, "sourceFormat": JSON_LINES, "autodetect": True}
    begin = f"{warehouse_url}/upload/bigquery/v2/projects/local/jobs?uploadType=resumable"
    session = requests.post(begin, json={"configuration": {"load": load}}, timeout=10).headers["Location"]

    def put(content: bytes, content_range: str) -> requests.Response:
        return requests.put(session, content, headers={"Content-Range": content_range}, timeout=10)

    lines = b'{"a": 1}\n{"a": 2}\n'
    assert put(lines[:5], "bytes 0-4/*").headers["Range"] == "bytes=0-4"
    assert put(b"", "bytes */*").headers["Range"] == "bytes=0-4"
    assert put(lines[9:], f"bytes 9-{len(lines) - 1}/{len(lines)}").status_code == 400
    done = put(lines[5:], f"bytes 5-{len(lines) - 1}/{len(lines)}").json()
    assert done["status"]["state"] in ("RUNNING", "DONE")
    while requests.get(done["selfLink"], timeout=10).json()["status"]["state"] != "DONE":
        pass
    assert put(lines, f"bytes 0-{len(lines) - 1}/{len(lines)}").status_code == 404
    assert ask_bigquery(f"SELECT SUM(a) FROM `{bigquery_dataset}.t`") == [(3,)]


def test_jobs_that_there_are_not_here_are_refused_with_a_sentence(
    bigquery_client: bigquery.Client, bigquery_dataset: str
) -> None:
    name = f"{bigquery_dataset}.t"
    bigquery_client.create_table(bigquery.Table(name, [Field("a", "INTEGER")]))
    parquet = bigquery.LoadJobConfig(source_format="PARQUET", schema=[Field("a", "INTEGER")])
    calls: list[tuple[Callable[[], Any], str]] = [
        (lambda: bigquery_client.copy_table(name, f"{bigquery_dataset}.u", retry=None), "'copy' are not supported"),
        (lambda: bigquery_client.extract_table(name, "gs://b/o", retry=None), "'extract' are not supported"),
        (lambda: bigquery_client.load_table_from_uri("gs://b/o", name, retry=None), "Loading from gs:"),
        (
            lambda: bigquery_client.load_table_from_file(io.BytesIO(b"PAR1"), name, job_config=parquet).result(
                retry=None
            ),
            "PARQUET is not supported",
        ),
        (
            lambda: bigquery_client.query(
                "SELECT 1", job_config=bigquery.QueryJobConfig(use_legacy_sql=True), retry=None
            ),
            "Legacy SQL is not supported",
        ),
        (lambda: bigquery_client.get_job("nobody", retry=None), "Not found: Job local:US.nobody"),
    ]
    for call, sentence in calls:
        with pytest.raises(exceptions.GoogleAPICallError, match=sentence):
            call()


def test_many_queries_at_once_each_get_their_own_rows(bigquery_client: bigquery.Client) -> None:
    found: dict[int, list[int]] = {}

    def run(number: int) -> None:
        rows = bigquery_client.query_and_wait(f"SELECT {number} * x AS y FROM UNNEST([1, 2, 3]) AS x")
        found[number] = [row["y"] for row in rows]

    callers = [threading.Thread(target=run, args=(number,)) for number in range(12)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert found == {number: [number, 2 * number, 3 * number] for number in range(12)}
