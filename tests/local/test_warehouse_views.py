"""The views of infra/ on rows that bring out what each of them is for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from google.cloud import bigquery

from tests.local.warehouse_parts import SCHEMAS, failure, prediction

pytest_plugins = ("tests.local.warehouse_fixtures",)

OURS = "local.bucketlens"
VIEWS = sorted(path.stem for path in (SCHEMAS / "views").glob("*.sql"))

Rows = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def rows(bigquery_client: bigquery.Client) -> Iterator[Rows]:
    """Return what a view holds, on tables that are empty to begin with."""

    def empty() -> None:
        for table in ("predictions", "failures", "labels"):
            bigquery_client.query_and_wait(f"TRUNCATE TABLE `{OURS}.{table}`")

    def of(view: str, order: str = "1") -> list[dict[str, Any]]:
        found = bigquery_client.query_and_wait(f"SELECT * FROM `{OURS}.{view}` ORDER BY {order}", retry=None)
        return [dict(row.items()) for row in found]

    empty()
    yield of
    empty()


def insert(bigquery_client: bigquery.Client, table: str, *rows: dict[str, Any]) -> None:
    assert bigquery_client.insert_rows_json(f"{OURS}.{table}", list(rows), row_ids=[None] * len(rows)) == []


def at(second: int, **changes: Any) -> dict[str, Any]:
    """Return changes that make a row recorded at this second."""
    return {"recorded_at": f"2026-01-02T03:05:{second:02}Z", **changes}


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_of_empty_tables_has_columns_and_no_rows(
    bigquery_client: bigquery.Client, rows: Rows, view: str
) -> None:
    assert rows(view) == []
    assert len(bigquery_client.get_table(f"{OURS}.{view}").schema) > 4


def test_of_an_upload_recorded_twice_the_later_row_counts(bigquery_client: bigquery.Client, rows: Rows) -> None:
    insert(bigquery_client, "predictions", prediction(1, **at(1, label="old")), prediction(1, **at(2, label="new")))
    assert [row["label"] for row in rows("latest_predictions")] == ["new"]
    assert [row["label"] for row in rows("predictions_by_model")] == ["new"]
    assert len(rows("calls")) == 2


def test_rows_recorded_at_the_same_moment_are_one_all_the_same(bigquery_client: bigquery.Client, rows: Rows) -> None:
    insert(bigquery_client, "predictions", prediction(1), prediction(1))
    assert len(rows("latest_predictions")) == len(rows("predictions_by_model")) == 1


def test_two_models_on_one_upload_are_told_apart_by_model_only(bigquery_client: bigquery.Client, rows: Rows) -> None:
    other = {"model": {"name": "flowers", "version": "2", "digest": "e" * 64, "runtime": "litert"}}
    challenger = prediction(1, **at(9, prediction_id="challenger", label="tulip"), **other)
    insert(bigquery_client, "predictions", prediction(1, **at(1)), challenger)
    assert [(row["prediction_id"], row["label"]) for row in rows("latest_predictions")] == [("challenger", "tulip")]
    assert [row["model"]["version"] for row in rows("predictions_by_model", "prediction_id")] == ["2", "1"]


def test_nested_columns_come_through_a_view(bigquery_client: bigquery.Client, rows: Rows) -> None:
    insert(bigquery_client, "predictions", prediction(1))
    (row,) = rows("latest_predictions")
    assert row["candidates"] == [{"label": "rose", "score": 0.9}, {"label": "tulip", "score": 0.1}]
    assert row["image"]["generation"] == 1767323045678901
    assert row["call"]["times"] == {
        "read_ms": None,
        "decode_ms": 1.5,
        "classify_ms": 4.0,
        "archive_ms": None,
        "total_ms": 12.5,
    }


def test_calls_are_predictions_and_failures_together(bigquery_client: bigquery.Client, rows: Rows) -> None:
    insert(bigquery_client, "predictions", prediction(1))
    insert(bigquery_client, "failures", failure(2))
    found = rows("calls", "outcome")
    assert [(row["outcome"], row["reason"], row["row_id"]) for row in found] == [
        ("predicted", None, "prediction-1"),
        ("rejected", "not_an_image", "upload-2"),
    ]
    assert [row["model_name"] for row in found] == ["flowers", None]
    assert found[0]["total_ms"] == 12.5


def test_labels_are_counted_by_day_and_model(bigquery_client: bigquery.Client, rows: Rows) -> None:
    insert(
        bigquery_client,
        "predictions",
        prediction(1, score=0.5, needs_review=True),
        prediction(2, score=1.0),
        prediction(2, score=1.0),
        prediction(3, label="tulip"),
        prediction(4, uploaded_on="2026-01-03"),
    )
    found = rows("daily_label_counts", "uploaded_on, label")
    assert [(row["uploaded_on"], row["label"], row["images"], row["needing_review"]) for row in found] == [
        (date(2026, 1, 2), "rose", 2, 1),
        (date(2026, 1, 2), "tulip", 1, 0),
        (date(2026, 1, 3), "rose", 1, 0),
    ]
    assert found[0]["mean_score"] == 0.75


def test_latency_is_told_by_revision_and_door(bigquery_client: bigquery.Client, rows: Rows) -> None:
    def timed(number: int, total_ms: float, **call: Any) -> dict[str, Any]:
        row = prediction(number)
        row["call"] |= {"times": {"total_ms": total_ms, "decode_ms": 2.0}, **call}
        return row

    calls = [timed(number, float(number)) for number in range(1, 101)]
    insert(bigquery_client, "predictions", *calls, timed(101, 700.0, revision="r2", is_cold_start=True))
    first, second = rows("latency_by_revision", "revision")
    assert (first["revision"], first["calls"], first["cold_starts"]) == ("r1", 100, 0)
    assert (first["p50_ms"], first["p95_ms"], first["p99_ms"]) == (50.0, 95.0, 99.0)
    assert (first["mean_decode_ms"], first["mean_classify_ms"]) == (2.0, None)
    assert (second["calls"], second["cold_starts"], second["p99_ms"]) == (1, 1, 700.0)


def test_an_upload_rejected_twice_is_one_rejection(bigquery_client: bigquery.Client, rows: Rows) -> None:
    insert(bigquery_client, "failures", failure(1, **at(1, reason="damaged_image")), failure(1, **at(2)), failure(2))
    found = rows("rejected_uploads", "failure_id")
    assert [(row["failure_id"], row["reason"]) for row in found] == [
        ("upload-1", "not_an_image"),
        ("upload-2", "not_an_image"),
    ]
    assert found[0]["quarantine_uri"] == "gs://quarantine/upload-1"


def test_what_nobody_has_labelled_waits_for_review(bigquery_client: bigquery.Client, rows: Rows) -> None:
    unsure = {"needs_review": True, "score": 0.4}
    insert(
        bigquery_client,
        "predictions",
        prediction(1, **unsure),
        prediction(2, **unsure),
        prediction(3),
        prediction(4, **at(1), **unsure),
        prediction(4, **at(2)),
    )
    label = {"label": "tulip", "labelled_on": "2026-01-03", "labelled_at": "2026-01-03T00:00:00Z"}
    insert(
        bigquery_client, "labels", *({"label_id": f"l{n}", "prediction_id": "prediction-2", **label} for n in range(2))
    )
    found = rows("review_queue")
    assert [row["prediction_id"] for row in found] == ["prediction-1"]
    assert (found[0]["name"], found[0]["model_name"]) == ("1.jpg", "flowers")
