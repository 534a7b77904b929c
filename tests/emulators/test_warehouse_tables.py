"""Datasets, tables and views by the API and by DDL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from tests.emulators.no_retry import NO_RETRY

pytest_plugins = ("tests.emulators.warehouse_fixtures",)

Ask = Callable[..., list[tuple[Any, ...]]]
Field = bigquery.SchemaField


def test_dataset_is_created_changed_listed_and_dropped(bigquery_client: bigquery.Client, bigquery_dataset: str) -> None:
    actual = bigquery_client.get_dataset(bigquery_dataset)
    actual.description, actual.labels = "Mine.", {"who": "me"}
    bigquery_client.update_dataset(actual, ["description", "labels"])
    assert bigquery_client.get_dataset(bigquery_dataset).description == "Mine."
    assert bigquery_dataset.split(".")[1] in [one.dataset_id for one in bigquery_client.list_datasets()]
    with pytest.raises(exceptions.Conflict, match="Already Exists: Dataset"):
        bigquery_client.create_dataset(bigquery_dataset)
    bigquery_client.delete_dataset(bigquery_dataset)
    with pytest.raises(exceptions.NotFound, match="Not found: Dataset"):
        bigquery_client.get_dataset(bigquery_dataset)


def test_dataset_with_tables_is_dropped_only_with_contents(
    bigquery_client: bigquery.Client, bigquery_dataset: str
) -> None:
    bigquery_client.create_table(bigquery.Table(f"{bigquery_dataset}.t", [Field("a", "INTEGER")]))
    with pytest.raises(exceptions.BadRequest, match="still in use"):
        bigquery_client.delete_dataset(bigquery_dataset)
    bigquery_client.delete_dataset(bigquery_dataset, delete_contents=True)
    with pytest.raises(exceptions.NotFound):
        bigquery_client.get_table(f"{bigquery_dataset}.t")


@pytest.mark.parametrize("name", ["_hidden", "information_schema", "with-dash", "main"])
def test_dataset_with_an_invalid_name_is_refused(bigquery_client: bigquery.Client, name: str) -> None:
    with pytest.raises(exceptions.BadRequest, match="Invalid dataset ID"):
        bigquery_client.create_dataset(name)


def test_table_metadata_is_stored(bigquery_client: bigquery.Client, bigquery_dataset: str) -> None:
    number = Field("a", "INTEGER", "REQUIRED", description="A number.")
    nested = Field("r", "RECORD", "REPEATED", description="Rows.", fields=[number])
    table = bigquery.Table(f"{bigquery_dataset}.t", [Field("day", "DATE", "REQUIRED", description="The day."), nested])
    table.description, table.labels = "A table.", {"k": "v"}
    table.time_partitioning = bigquery.TimePartitioning(field="day")
    table.clustering_fields = ["day"]
    bigquery_client.create_table(table)
    actual = bigquery_client.get_table(f"{bigquery_dataset}.t")
    assert actual.schema == table.schema
    assert (actual.description, actual.labels, actual.table_type) == ("A table.", {"k": "v"}, "TABLE")
    assert actual.time_partitioning is not None
    assert (actual.time_partitioning.field, actual.clustering_fields) == ("day", ["day"])
    assert actual.created is not None


def test_table_gets_new_columns_and_keeps_its_rows(
    bigquery_client: bigquery.Client, bigquery_dataset: str, ask_bigquery: Ask
) -> None:
    name = f"{bigquery_dataset}.t"
    inner = [Field("a", "INTEGER")]
    table = bigquery_client.create_table(
        bigquery.Table(
            name,
            [
                Field("must", "STRING", "REQUIRED"),
                Field("one", "RECORD", fields=inner),
                Field("many", "RECORD", "REPEATED", fields=[Field("deep", "RECORD", fields=inner)]),
            ],
        )
    )
    bigquery_client.insert_rows_json(name, [{"must": "x", "one": {"a": 1}, "many": [{"deep": {"a": 2}}]}])
    more = [*inner, Field("b", "STRING")]
    table.schema = [
        Field("new", "FLOAT"),
        Field("list_", "INTEGER", "REPEATED"),
        Field("must", "STRING", "NULLABLE"),
        Field("one", "RECORD", fields=more),
        Field("many", "RECORD", "REPEATED", fields=[Field("deep", "RECORD", fields=more)]),
    ]
    changed = bigquery_client.update_table(table, ["schema"])
    assert [field.name for field in changed.schema] == ["must", "one", "many", "new", "list_"]
    row = {"one": {"b": "y"}, "many": [{"deep": {"b": "z"}}], "new": 1.5}
    assert bigquery_client.insert_rows_json(changed, [row], retry=NO_RETRY) == []
    assert ask_bigquery(
        f"SELECT must, one.a, one.b, many[OFFSET(0)].deep.b AS c, new, list_ FROM `{name}` ORDER BY must"
    ) == [
        (None, None, "y", "z", 1.5, []),
        ("x", 1, None, None, None, []),
    ]


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ([Field("a", "STRING")], "Field a has changed type from INTEGER to STRING"),
        ([Field("a", "INTEGER", "REPEATED")], "Field a has changed mode"),
        ([Field("a", "INTEGER", "REQUIRED")], "Field a has changed mode"),
        ([Field("b", "INTEGER")], "Field a is missing in new schema"),
        ([Field("a", "INTEGER"), Field("b", "INTEGER", "REQUIRED")], "Cannot add required fields"),
        ([Field("a", "INTEGER"), Field("A", "INTEGER")], "Duplicate field name"),
    ],
)
def test_table_change_that_would_lose_rows_is_refused(
    bigquery_client: bigquery.Client, bigquery_dataset: str, schema: list[Field], sentence: str
) -> None:
    table = bigquery_client.create_table(bigquery.Table(f"{bigquery_dataset}.t", [Field("a", "INTEGER")]))
    table.schema = schema
    with pytest.raises(exceptions.BadRequest, match=sentence):
        bigquery_client.update_table(table, ["schema"])


def test_table_change_with_an_old_etag_is_refused(bigquery_client: bigquery.Client, bigquery_dataset: str) -> None:
    first = bigquery_client.create_table(bigquery.Table(f"{bigquery_dataset}.t", [Field("a", "INTEGER")]))
    second = bigquery_client.get_table(first)
    first.description = "First."
    bigquery_client.update_table(first, ["description"])
    second.description = "Second."
    with pytest.raises(exceptions.PreconditionFailed):
        bigquery_client.update_table(second, ["description"])
    assert bigquery_client.get_table(first).description == "First."


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ({"name": "1a", "type": "STRING"}, 'Invalid field name "1a"'),
        ({"name": "a", "type": "GEOGRAPHY"}, "GEOGRAPHY, which the local warehouse does not have"),
        ({"name": "a", "type": "STRING", "mode": "SOMETIMES"}, "mode SOMETIMES"),
        ({"name": "a", "type": "RECORD"}, "has 0 fields"),
    ],
)
def test_table_with_an_invalid_schema_is_refused(
    bigquery_client: bigquery.Client, bigquery_dataset: str, field: dict[str, Any], sentence: str
) -> None:
    table = bigquery.Table.from_api_repr(
        {
            "tableReference": {"projectId": "local", "datasetId": bigquery_dataset.split(".")[1], "tableId": "t"},
            "schema": {"fields": [field]},
        }
    )
    with pytest.raises(exceptions.BadRequest, match=sentence):
        bigquery_client.create_table(table)


def test_table_is_created_once_and_dropped_once(bigquery_client: bigquery.Client, bigquery_dataset: str) -> None:
    table = bigquery.Table(f"{bigquery_dataset}.t", [Field("a", "INTEGER")])
    bigquery_client.create_table(table)
    bigquery_client.create_table(table, exists_ok=True)
    with pytest.raises(exceptions.Conflict, match="Already Exists: Table"):
        bigquery_client.create_table(table)
    bigquery_client.delete_table(table)
    bigquery_client.delete_table(table, not_found_ok=True)
    with pytest.raises(exceptions.NotFound, match="Not found: Table"):
        bigquery_client.delete_table(table)


def test_view_follows_its_table_and_its_query(
    bigquery_client: bigquery.Client, bigquery_dataset: str, ask_bigquery: Ask
) -> None:
    table = bigquery_client.create_table(bigquery.Table(f"{bigquery_dataset}.t", [Field("a", "INTEGER")]))
    view = bigquery.Table(f"{bigquery_dataset}.v")
    view.view_query = f"SELECT *, a * 2 AS twice FROM `{bigquery_dataset}.t`"
    view = bigquery_client.create_table(view)
    assert [field.name for field in view.schema] == ["a", "twice"]
    bigquery_client.insert_rows_json(table, [{"a": 4}])
    table.schema = [*table.schema, Field("b", "STRING")]
    bigquery_client.update_table(table, ["schema"])
    assert ask_bigquery(f"SELECT * FROM `{bigquery_dataset}.v`") == [(4, None, 8)]
    view.view_query = f"SELECT a FROM `{bigquery_dataset}.t`"
    assert [field.name for field in bigquery_client.update_table(view, ["view_query"]).schema] == ["a"]
    with pytest.raises(exceptions.BadRequest, match="Query it instead"):
        list(bigquery_client.list_rows(f"{bigquery_dataset}.v", selected_fields=[Field("a", "INTEGER")]))


def test_view_of_a_missing_table_is_refused(bigquery_client: bigquery.Client, bigquery_dataset: str) -> None:
    for query, error in (
        (f"SELECT * FROM `{bigquery_dataset}.nope`", exceptions.NotFound),
        ("SELECT * FROM t", exceptions.BadRequest),
        ("DELETE FROM t WHERE TRUE", exceptions.BadRequest),
    ):
        view = bigquery.Table(f"{bigquery_dataset}.v")
        view.view_query = query
        with pytest.raises(error):
            bigquery_client.create_table(view)


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("CREATE TABLE u (a INT64)", "not supported"),
        ("CREATE TABLE u AS SELECT 1 AS a", "not supported"),
        ("CREATE VIEW u AS SELECT 1 AS a", "not supported"),
        ("CREATE SCHEMA u", "not supported"),
        ("CREATE FUNCTION f(x INT64) AS (x * 2)", "not supported"),
        ("ALTER TABLE t ADD COLUMN b STRING", "not supported"),
        ("DROP TABLE t", "not supported"),
        ("TRUNCATE TABLE t", "not supported"),
        ("INSERT INTO t (a) VALUES (1)", "not supported"),
        ("UPDATE t SET a = 1 WHERE TRUE", "not supported"),
        ("MERGE t USING (SELECT 1 AS a) AS s ON t.a = s.a WHEN MATCHED THEN DELETE", "not supported"),
        ("DELETE FROM t", "DELETE must have a WHERE clause"),
        ("DELETE FROM nope WHERE TRUE", "Not found: Table"),
        ("DELETE FROM t WHERE nope", "nope"),
        ("DELETE FROM v WHERE TRUE", "is a view"),
        ("EXPORT DATA OPTIONS(uri='gs://a/*', format='CSV') AS SELECT 1", "not supported"),
        ("GRANT `roles/x` ON TABLE t TO 'user:a'", "not supported"),
    ],
)
def test_unsupported_statement_is_refused(
    bigquery_client: bigquery.Client, bigquery_dataset: str, ask_bigquery: Ask, sql: str, sentence: str
) -> None:
    bigquery_client.create_table(bigquery.Table(f"{bigquery_dataset}.t", [Field("a", "INTEGER", "REQUIRED")]))
    view = bigquery.Table(f"{bigquery_dataset}.v")
    view.view_query = f"SELECT a FROM `{bigquery_dataset}.t`"
    bigquery_client.create_table(view)
    with pytest.raises(exceptions.ClientError, match=sentence):
        ask_bigquery(sql, bigquery_dataset)
    assert [table.table_id for table in bigquery_client.list_tables(bigquery_dataset)] == ["t", "v"]


def test_delete_statement_reports_the_number_of_rows(
    bigquery_client: bigquery.Client, bigquery_dataset: str, ask_bigquery: Ask
) -> None:
    columns = [Field("k", "STRING"), Field("n", "INTEGER")]
    table = bigquery_client.create_table(bigquery.Table(f"{bigquery_dataset}.t", columns))
    rows = [{"k": key, "n": number} for number, key in enumerate("abcd")]
    assert bigquery_client.insert_rows_json(table, rows) == []
    config = bigquery.QueryJobConfig(default_dataset=bigquery_dataset)
    for sql, deleted in (
        ("DELETE t WHERE k = 'c'", 1),
        ("DELETE FROM t WHERE n IN (SELECT n FROM t WHERE k < 'c')", 2),
        ("DELETE FROM t WHERE k = 'nobody'", 0),
    ):
        job = bigquery_client.query(sql, job_config=config)
        assert job.result().num_dml_affected_rows == deleted
        assert (job.statement_type, job.dml_stats and job.dml_stats.deleted_row_count) == ("DELETE", deleted)
    assert ask_bigquery("SELECT k FROM t", bigquery_dataset) == [("d",)]
