"""What we ask of a warehouse: tables from our schemas, rows through our adapter, load jobs, queries.

Known differences of a warehouse from BigQuery are listed in warehouse_differences.py; a test notices when one ends.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from click.testing import CliRunner
from google.api_core import exceptions
from google.cloud import bigquery

from shared.adapters.bigquery import is_retryable
from shared.cli import main
from shared.errors import BadRequest, WarehouseUnavailable
from shared.pipeline.record import failure_row, prediction_row
from shared.types import (
    Call,
    Candidate,
    Classification,
    Failure,
    ImageFacts,
    ModelFacts,
    Prediction,
    Source,
    Times,
)
from tests.emulators.contract.our_dataset import LAYOUT, OUR_DATASET, Warehouse, schema_of
from tests.emulators.no_retry import NO_RETRY
from tests.emulators.warehouse_parts import prediction

pytest_plugins = ("tests.emulators.contract.warehouse_fixtures",)
pytestmark = pytest.mark.timeout(600)  # the first test waits until the others' warehouses are installed

Field = bigquery.SchemaField
UPLOADED_AT = datetime(2026, 1, 2, 23, 59, 59, 999_999, UTC)
PREDICTIONS, FAILURES = f"{OUR_DATASET}.predictions", f"{OUR_DATASET}.failures"


def a_prediction() -> Prediction:
    """A prediction with every field, as one upload leaves it."""
    mark = uuid.uuid4().hex
    times = Times(1.25, 2.5, 3.125, None, 12.0)
    return Prediction(
        prediction_id=f"p-{mark}",
        upload_id=f"u-{mark}",
        uploaded_at=UPLOADED_AT,
        classification=Classification("rose", 0.75, (Candidate("rose", 0.75), Candidate("tulip", 0.25)), False),
        image=ImageFacts(73012, "image/jpeg", "c" * 64, "uploads", "gärten/🌹.jpg", 2**62 + 1, "jpeg", 640, 480),
        archive_uri="gs://archive/cc.jpg",
        model=ModelFacts("flowers", "1", "d" * 64, "litert"),
        call=Call(Source.EVENT, datetime(2026, 1, 3, 0, 0, 0, 1, UTC), "8897", is_cold_start=True),
        times=times,
    )


def a_failure() -> Failure:
    """A failure with as little as there can be."""
    image = ImageFacts(1 << 40, None, bucket="uploads", name="film.mov", generation=1)
    call, times = Call(Source.EVENT, UPLOADED_AT), Times(total_ms=1.0)
    mark = uuid.uuid4().hex
    return Failure(f"f-{mark}", UPLOADED_AT, "too_many_bytes", "It's a film.", image, "gs://q/1", call, times)


def as_stored(sent: Any, fields: Sequence[bigquery.SchemaField]) -> Any:
    """Return what a row that was sent as JSON is read as: every field, null where it was left out."""
    return {field.name: _stored(sent.get(field.name), field) for field in fields}


def _stored(value: Any, field: bigquery.SchemaField) -> Any:
    if field.mode == "REPEATED":
        one = Field(field.name, field.field_type, "NULLABLE", fields=field.fields)
        return [_stored(item, one) for item in value or []]
    if value is None:
        return None
    match field.field_type:
        case "RECORD":
            return as_stored(value, field.fields)
        case "TIMESTAMP":
            return datetime.fromisoformat(value)
        case "DATE":
            return date.fromisoformat(value)
        case "INTEGER":
            return int(value)
    return value


def without_descriptions(fields: Sequence[bigquery.SchemaField]) -> list[Any]:
    return [(one.name, one.field_type, one.mode, without_descriptions(one.fields)) for one in fields]


def problems(entries: list[Any]) -> list[tuple[int, str]]:
    return [(entry["index"], entry["errors"][0]["reason"]) for entry in entries]


# Tables


@pytest.mark.parametrize("table", LAYOUT)
def test_a_table_keeps_the_names_types_modes_and_nesting_of_our_schema(warehouse: Warehouse, table: str) -> None:
    actual = warehouse.client.get_table(f"{OUR_DATASET}.{table}").schema
    assert without_descriptions(actual) == without_descriptions(schema_of(table))


@pytest.mark.parametrize("table", LAYOUT)
def test_a_table_keeps_its_partitioning_and_clustering(warehouse: Warehouse, table: str) -> None:
    actual = warehouse.client.get_table(f"{OUR_DATASET}.{table}")
    partition, clusters = LAYOUT[table]
    assert (actual.time_partitioning.type_, actual.time_partitioning.field) == ("DAY", partition)
    assert (actual.clustering_fields or []) == clusters


def test_a_schema_keeps_the_descriptions_of_its_fields(warehouse: Warehouse) -> None:
    assert list(warehouse.client.get_table(f"{OUR_DATASET}.labels").schema) == schema_of("labels")


def test_tables_and_views_are_listed_with_their_type(warehouse: Warehouse) -> None:
    listed = {table.table_id: table.table_type for table in warehouse.client.list_tables(OUR_DATASET)}
    assert {listed[table] for table in LAYOUT} == {"TABLE"}
    assert listed["latest_predictions"] == listed["calls"] == "VIEW"


def test_a_nullable_column_can_be_added_and_is_null_in_older_rows(warehouse: Warehouse, dataset: str) -> None:
    table = warehouse.client.create_table(bigquery.Table(f"{dataset}.t", [Field("a", "STRING", "REQUIRED")]))
    assert warehouse.insert(f"{dataset}.t", {"a": "old"}) == []
    table.schema = [*table.schema, Field("b", "RECORD", fields=[Field("c", "INTEGER")])]
    warehouse.client.update_table(table, ["schema"], retry=NO_RETRY)
    assert warehouse.insert(f"{dataset}.t", {"a": "new", "b": {"c": 1}}) == []
    assert warehouse.ask(f"SELECT a, b.c FROM `{dataset}.t` ORDER BY a") == [("new", 1), ("old", None)]


# Rows


def test_an_appended_prediction_is_read_unchanged(empty: Warehouse) -> None:
    outcome = a_prediction()
    empty.append(outcome)
    [row] = empty.rows(PREDICTIONS)
    sent = as_stored(prediction_row(outcome, row["recorded_at"]), schema_of("predictions"))
    assert row == sent
    assert row["uploaded_at"].microsecond == 999_999
    assert row["image"]["generation"] == 2**62 + 1


def test_an_appended_failure_is_read_unchanged(empty: Warehouse) -> None:
    outcome = a_failure()
    empty.append(outcome)
    [row] = empty.rows(FAILURES)
    assert row == as_stored(failure_row(outcome, row["recorded_at"]), schema_of("failures"))


def test_an_outcome_that_is_appended_twice_is_one_row_of_its_view(empty: Warehouse) -> None:
    outcome, failed = a_prediction(), a_failure()
    for _ in range(2):
        empty.append(outcome)
        empty.append(failed)
    assert [row["prediction_id"] for row in empty.view("latest_predictions")] == [outcome.prediction_id]
    assert [row["failure_id"] for row in empty.view("rejected_uploads")] == [failed.failure_id]


def test_a_row_sent_again_with_its_insert_id_is_one_row_of_its_table(empty: Warehouse) -> None:
    for _ in range(2):
        assert empty.insert(PREDICTIONS, prediction(1), ids=[f"again-{empty.name}"]) == []
    assert len(empty.rows(PREDICTIONS)) == 1


def test_a_corrected_row_can_use_the_insert_id_of_the_refused_one(empty: Warehouse) -> None:
    assert empty.insert(PREDICTIONS, prediction(1, score="much"), ids=["refused"])
    assert empty.insert(PREDICTIONS, prediction(1), ids=["refused"]) == []
    assert len(empty.rows(PREDICTIONS)) == 1


def test_a_row_with_an_unknown_field_is_refused(empty: Warehouse) -> None:
    assert problems(empty.insert(PREDICTIONS, prediction(1, nope=1))) == [(0, "invalid")]
    assert empty.rows(PREDICTIONS) == []


def test_a_row_with_an_unknown_field_in_a_record_is_refused(empty: Warehouse) -> None:
    row = prediction(1)
    row["image"]["nope"] = 1
    assert problems(empty.insert(PREDICTIONS, row)) == [(0, "invalid")]
    assert empty.rows(PREDICTIONS) == []


def test_a_row_without_a_required_field_is_refused(empty: Warehouse) -> None:
    row = prediction(1)
    del row["label"]
    assert problems(empty.insert(PREDICTIONS, row)) == [(0, "invalid")]
    assert empty.rows(PREDICTIONS) == []


def test_a_row_without_a_required_field_of_a_record_is_refused(empty: Warehouse) -> None:
    row = prediction(1)
    del row["model"]["digest"]
    assert problems(empty.insert(PREDICTIONS, row)) == [(0, "invalid")]
    assert empty.rows(PREDICTIONS) == []


def test_a_row_with_null_for_a_required_field_is_refused(empty: Warehouse) -> None:
    assert problems(empty.insert(PREDICTIONS, prediction(1, score=None))) == [(0, "invalid")]
    assert empty.rows(PREDICTIONS) == []


def test_a_row_with_a_value_of_another_type_is_refused(empty: Warehouse) -> None:
    assert problems(empty.insert(PREDICTIONS, prediction(1, score="much"))) == [(0, "invalid")]
    assert empty.rows(PREDICTIONS) == []


def test_a_row_with_a_value_of_another_type_in_a_record_is_refused(empty: Warehouse) -> None:
    row = prediction(1)
    row["image"]["width_px"] = "wide"
    assert problems(empty.insert(PREDICTIONS, row)) == [(0, "invalid")]
    assert empty.rows(PREDICTIONS) == []


def test_an_invalid_row_stops_the_others_of_its_request(empty: Warehouse) -> None:
    entries = empty.insert(PREDICTIONS, prediction(1), prediction(2, score="much"), prediction(3))
    assert sorted(problems(entries)) == [(0, "stopped"), (1, "invalid"), (2, "stopped")]
    assert empty.rows(PREDICTIONS) == []


def test_our_adapter_reports_the_refused_row_and_the_reason(empty: Warehouse) -> None:
    nameless: Any = replace(a_prediction(), upload_id=None)  # type: ignore[arg-type]
    with pytest.raises(WarehouseUnavailable, match=rf"refused the row {nameless.prediction_id}: .*upload_id"):
        empty.append(nameless, deadline_s=5)


def test_a_row_for_a_missing_table_gets_an_error_that_our_adapter_retries(warehouse: Warehouse, dataset: str) -> None:
    with pytest.raises(exceptions.NotFound, match=r"(?i)not found") as answered:
        warehouse.insert(f"{dataset}.predictions", prediction(1))
    assert is_retryable(answered.value)


def test_a_row_waits_for_a_table_that_is_being_created(warehouse: Warehouse, dataset: str) -> None:
    outcome = a_prediction()
    with ThreadPoolExecutor(1) as others:
        appending = others.submit(warehouse.adapter(dataset.split(".")[1]).append, outcome)
        assert list(warehouse.client.list_tables(dataset, retry=NO_RETRY)) == []
        table = bigquery.Table(f"{dataset}.predictions", schema_of("predictions"))
        warehouse.client.create_table(table, retry=NO_RETRY)
        appending.result()
    assert [row["prediction_id"] for row in warehouse.rows(f"{dataset}.predictions")] == [outcome.prediction_id]


# Queries


def test_a_name_without_a_dataset_is_of_the_default_dataset(empty: Warehouse) -> None:
    empty.fill("predictions", prediction(1))
    assert empty.adapter().query("SELECT label FROM latest_predictions").rows == [{"label": "rose"}]


def test_columns_keep_their_order(empty: Warehouse) -> None:
    empty.fill("predictions", prediction(1), prediction(2, label="tulip"))
    sql = (
        "SELECT label, COUNT(*) AS images, MIN(uploaded_at) AS first FROM bucketlens.predictions GROUP BY 1 ORDER BY 1"
    )
    result = empty.adapter().query(sql)
    assert result.columns == ["label", "images", "first"]
    assert [(row["label"], row["images"]) for row in result.rows] == [("rose", 1), ("tulip", 1)]


@pytest.mark.parametrize(
    "names", [[], ["1.jpg"], ["1.jpg", 'it\'s "2" \\ ü.jpg']], ids=["nothing", "one name", "names to be escaped"]
)
def test_a_list_of_strings_is_a_parameter(empty: Warehouse, names: list[str]) -> None:
    rows = [prediction(number) for number in (1, 2)]
    rows[1]["image"]["name"] = 'it\'s "2" \\ ü.jpg'
    empty.fill("predictions", *rows)
    sql = "SELECT image.name FROM bucketlens.predictions WHERE image.name IN UNNEST(@names) ORDER BY 1"
    assert [row["name"] for row in empty.adapter().query(sql, names=names).rows] == names


def test_a_query_returns_nested_columns_and_times_unchanged(empty: Warehouse) -> None:
    empty.fill("predictions", prediction(1))
    [row] = empty.adapter().query("SELECT * FROM bucketlens.predictions").rows
    assert row == as_stored(prediction(1), schema_of("predictions"))


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("SELEKT 1", "Syntax error: Unexpected"),
        ("SELECT nope FROM bucketlens.predictions", "Unrecognized name: nope"),
        ("SELECT * FROM bucketlens.nope", "Not found: Table local:bucketlens.nope"),
        ("SELECT NOPE(1)", "Function not found: NOPE"),
        ("SELECT 1 + x FROM UNNEST(['a']) AS x", ""),
    ],
    ids=["syntax", "column", "table", "function", "types"],
)
def test_an_invalid_query_is_refused_with_a_sentence(warehouse: Warehouse, sql: str, sentence: str) -> None:
    with pytest.raises(BadRequest, match=f"(?i)BigQuery refused the query: .*{re.escape(sentence)}"):
        warehouse.adapter(deadline_s=5).query(sql)


def test_a_query_that_fails_while_it_runs_is_refused_with_a_sentence(warehouse: Warehouse) -> None:
    with pytest.raises(BadRequest, match=r"(?i)division by zero"):
        warehouse.adapter(deadline_s=5).query("SELECT 1 / x FROM UNNEST([0]) AS x")


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_bucketlens_query_prints_rows(empty: Warehouse, form: str) -> None:
    empty.fill("predictions", prediction(1))
    sql = "SELECT label, uploaded_at, candidates FROM bucketlens.latest_predictions"
    ended = CliRunner().invoke(main, ["query", sql, "--folder", str(empty.folder), "--format", form])
    assert ended.exit_code == 0, ended.output
    for part in ("label", "rose", "2026-01-02", "tulip"):
        assert part in ended.stdout
