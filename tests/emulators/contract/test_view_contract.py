"""Each view of infra/ on rows that bring out what it is for, and the questions of docs/rows.md, in every warehouse."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from shared.monitoring.audit_sample import audit_bound
from tests.docs.questions import QUESTIONS
from tests.emulators.contract.our_dataset import INFRA, LAYOUT, OUR_DATASET, Warehouse, views_in_order
from tests.emulators.no_retry import NO_RETRY
from tests.emulators.warehouse_parts import failure, prediction

pytest_plugins = ("tests.emulators.contract.warehouse_fixtures",)
pytestmark = pytest.mark.timeout(600)  # the first test waits until the others' warehouses are installed

VIEWS = sorted(path.stem for path in (INFRA / "views").glob("*.sql"))
WINDOWED = {"latest_predictions": "predictions", "predictions_by_model": "predictions", "rejected_uploads": "failures"}
SECOND_MODEL = {"model": {"name": "flowers", "version": "2", "digest": "e" * 64, "runtime": "litert"}}
UNSURE = {"needs_review": True, "score": 0.4}


def at(second: int, **changes: Any) -> dict[str, Any]:
    """Return changes that make a row recorded at this second."""
    return {"recorded_at": f"2026-01-02T03:05:{second:02}Z", **changes}


def label(number: int, name: str, second: int, **changes: Any) -> dict[str, Any]:
    """Return a row of ``labels``: a person's label at this second of prediction ``number``."""
    row = {"label_id": f"label-{number}-{second}", "prediction_id": f"prediction-{number}", "label": name}
    return row | {"labelled_on": "2026-01-03", "labelled_at": f"2026-01-03T00:00:{second:02}Z"} | changes


def before_midnight(number: int, **changes: Any) -> dict[str, Any]:
    """Return a row uploaded in the last microsecond of 2 January, UTC, and recorded on the 3rd."""
    moments = {"uploaded_at": "2026-01-02T23:59:59.999999Z", "recorded_at": "2026-01-03T00:00:01Z"}
    return prediction(number, **moments) | changes


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_of_empty_tables_has_columns_and_no_rows(empty: Warehouse, view: str) -> None:
    assert empty.view(view) == []
    assert len(empty.client.get_table(f"{OUR_DATASET}.{view}").schema) > 4


def test_a_view_counts_the_later_row_of_an_upload_recorded_twice(empty: Warehouse) -> None:
    empty.fill("predictions", prediction(1, **at(1, label="old")), prediction(1, **at(2, label="new")))
    assert [row["label"] for row in empty.view("latest_predictions")] == ["new"]
    assert [row["label"] for row in empty.view("predictions_by_model")] == ["new"]
    assert len(empty.view("calls")) == 2


def test_a_view_counts_rows_of_the_same_moment_once(empty: Warehouse) -> None:
    empty.fill("predictions", prediction(1), prediction(1))
    assert len(empty.view("latest_predictions")) == len(empty.view("predictions_by_model")) == 1


def test_a_view_counts_copies_around_midnight_on_the_day_of_the_upload(empty: Warehouse) -> None:
    moments = ("2026-01-02T23:59:59.999999Z", "2026-01-03T08:00:00Z")
    copies = [before_midnight(1, recorded_at=moment) for moment in moments]
    empty.fill("predictions", *copies, before_midnight(1))
    [row] = empty.view("latest_predictions")
    assert (row["uploaded_on"], row["recorded_at"].hour) == (date(2026, 1, 2), 8)
    [day] = empty.view("daily_label_counts")
    assert (day["uploaded_on"], day["images"]) == (date(2026, 1, 2), 1)
    assert len(empty.view("predictions_by_model")) == 1


def test_a_view_separates_days_at_midnight_to_the_microsecond(empty: Warehouse) -> None:
    after = {"uploaded_on": "2026-01-03", "uploaded_at": "2026-01-03T00:00:00.000000Z"}
    empty.fill("predictions", before_midnight(1), before_midnight(2, **after))
    days = empty.view("daily_label_counts", "uploaded_on")
    assert [(day["uploaded_on"], day["images"]) for day in days] == [(date(2026, 1, 2), 1), (date(2026, 1, 3), 1)]


def test_a_view_separates_two_models_on_one_upload_by_model_only(empty: Warehouse) -> None:
    challenger = prediction(1, **at(9, prediction_id="challenger", label="tulip"), **SECOND_MODEL)
    empty.fill("predictions", prediction(1, **at(1)), challenger, challenger)
    actual = empty.view("latest_predictions")
    assert [(row["prediction_id"], row["label"]) for row in actual] == [("challenger", "tulip")]
    assert [row["model"]["version"] for row in empty.view("predictions_by_model", "prediction_id")] == ["2", "1"]
    assert [(day["label"], day["images"]) for day in empty.view("daily_label_counts")] == [("tulip", 1)]


def test_an_upload_with_a_sure_second_model_needs_no_review(empty: Warehouse) -> None:
    challenger = prediction(1, **at(9, prediction_id="challenger"), **SECOND_MODEL)
    empty.fill("predictions", prediction(1, **at(1), **UNSURE), challenger)
    assert empty.view("review_queue") == []


def test_a_view_returns_nested_columns(empty: Warehouse) -> None:
    empty.fill("predictions", prediction(1))
    (row,) = empty.view("latest_predictions")
    assert row["candidates"] == [{"label": "rose", "score": 0.9}, {"label": "tulip", "score": 0.1}]
    assert row["image"]["generation"] == 1767323045678901
    assert row["call"]["times"] == {
        "read_ms": None,
        "decode_ms": 1.5,
        "classify_ms": 4.0,
        "archive_ms": None,
        "total_ms": 12.5,
    }


def test_calls_are_predictions_and_failures_together(empty: Warehouse) -> None:
    empty.fill("predictions", prediction(1))
    empty.fill("failures", failure(2), failure(2))
    actual = empty.view("calls", "outcome")
    assert [(row["outcome"], row["reason"], row["row_id"]) for row in actual] == [
        ("predicted", None, "prediction-1"),
        ("rejected", "not_an_image", "upload-2"),
        ("rejected", "not_an_image", "upload-2"),
    ]
    assert [row["model_name"] for row in actual] == ["flowers", None, None]
    assert actual[0]["total_ms"] == 12.5


def test_rows_of_a_shadow_are_kept_apart(empty: Warehouse) -> None:
    shadow = prediction(2, model={"name": "flowers", "version": "2", "digest": "d2", "runtime": "litert"})
    shadow["call"] |= {"is_shadow": True}
    rejected = failure(3)
    rejected["call"] = rejected["call"] | {"is_shadow": True}
    empty.fill("predictions", prediction(1), shadow)
    empty.fill("failures", rejected, failure(4))
    assert [row["prediction_id"] for row in empty.view("latest_predictions", "prediction_id")] == ["prediction-1"]
    assert [row["failure_id"] for row in empty.view("rejected_uploads", "failure_id")] == ["upload-4"]
    assert len(empty.view("predictions_by_model", "prediction_id")) == 2
    assert len(empty.view("calls", "row_id")) == 4


def test_views_leave_probes_out_of_figures_and_keep_them_in_calls(empty: Warehouse) -> None:
    probe, rejected = prediction(2), failure(3)
    probe["call"] |= {"is_probe": True}
    rejected["call"] = rejected["call"] | {"is_probe": True}
    empty.fill("predictions", prediction(1), probe)
    empty.fill("failures", rejected, failure(4))
    assert [row["prediction_id"] for row in empty.view("latest_predictions", "prediction_id")] == ["prediction-1"]
    assert [row["failure_id"] for row in empty.view("rejected_uploads", "failure_id")] == ["upload-4"]
    assert [row["calls"] for row in empty.view("latency_by_revision", "calls")] == [2]
    assert [row["is_probe"] for row in empty.view("calls", "row_id")] == [None, True, True, None]


def test_review_queue_says_why_a_picture_waits(empty: Warehouse) -> None:
    new = {"is_unfamiliar": True, "signals": {"novelty": 0.9, "embedding": [1.5, -2.0]}}
    both, sure = prediction(3, **UNSURE, **new), prediction(4, is_unfamiliar=False)
    empty.fill("predictions", prediction(1, **UNSURE), prediction(2, **new), both, sure)
    found = empty.view("review_queue", "prediction_id")
    assert [(row["why"], row["novelty"]) for row in found] == [
        ("low_score", None),
        ("unfamiliar", 0.9),
        ("low_score_and_unfamiliar", 0.9),
    ]


def test_audit_queue_has_a_hundredth_of_the_ids_and_no_labelled_or_generated_picture(empty: Warehouse) -> None:
    first, last = audit_bound(0.01), "028f5c28f5c28f5" + "f" * 49
    assert first > last
    generated = prediction(4, upload_id="0" * 64)
    generated["image"] |= {"generated_by": "painter"}
    sample = [prediction(number, upload_id=upload_id) for number, upload_id in enumerate(("0" * 64, last))]
    labelled = prediction(3, upload_id="1".rjust(64, "0"))
    empty.fill("predictions", *sample, prediction(2, upload_id=first), labelled, generated)
    empty.fill("labels", label(3, "rose", 1))
    assert [row["upload_id"] for row in empty.view("audit_queue", "upload_id")] == ["0" * 64, last]


def test_model_history_has_an_event_once_as_it_was_recorded_first(empty: Warehouse) -> None:
    event = {"happened_on": "2026-01-02", "happened_at": "2026-01-02T23:00:00Z", "event": "verdict"}
    again = event | {"happened_on": "2026-01-03", "happened_at": "2026-01-03T01:00:00Z"}
    empty.fill("model_events", {"event_id": "a"} | again, {"event_id": "a"} | event, {"event_id": "b"} | again)
    rows = empty.view("model_history", "event_id")
    assert [(row["event_id"], row["happened_on"]) for row in rows] == [
        ("a", date(2026, 1, 2)),
        ("b", date(2026, 1, 3)),
    ]


def test_labels_are_counted_by_day_and_model(empty: Warehouse) -> None:
    empty.fill(
        "predictions",
        prediction(1, score=0.5, needs_review=True),
        prediction(2, score=1.0),
        prediction(2, score=1.0),
        prediction(3, label="tulip"),
        prediction(4, uploaded_on="2026-01-03"),
    )
    actual = empty.view("daily_label_counts", "uploaded_on, label")
    assert [(row["uploaded_on"], row["label"], row["images"], row["needing_review"]) for row in actual] == [
        (date(2026, 1, 2), "rose", 2, 1),
        (date(2026, 1, 2), "tulip", 1, 0),
        (date(2026, 1, 3), "rose", 1, 0),
    ]
    assert actual[0]["mean_score"] == 0.75


def test_latency_is_grouped_by_revision_and_source(empty: Warehouse) -> None:
    def timed(number: int, total_ms: float, **call: Any) -> dict[str, Any]:
        row = prediction(number)
        row["call"] |= {"times": {"total_ms": total_ms, "decode_ms": 2.0}, **call}
        return row

    calls = [timed(number, float(number)) for number in range(1, 101)]
    empty.fill("predictions", *calls, timed(101, 700.0, revision="r2", is_cold_start=True))
    first, second = empty.view("latency_by_revision", "revision")
    assert (first["revision"], first["calls"], first["cold_starts"]) == ("r1", 100, 0)
    # APPROX_QUANTILES may say either neighbour of a boundary.
    assert [first[name] for name in ("p50_ms", "p95_ms", "p99_ms")] == pytest.approx([50.0, 95.0, 99.0], abs=1)
    assert (first["mean_decode_ms"], first["mean_classify_ms"]) == (2.0, None)
    assert (second["calls"], second["cold_starts"], second["p99_ms"]) == (1, 1, 700.0)


def test_an_upload_rejected_twice_is_one_rejection(empty: Warehouse) -> None:
    empty.fill("failures", failure(1, **at(1, reason="damaged_image")), failure(1, **at(2)), failure(2))
    actual = empty.view("rejected_uploads", "failure_id")
    assert [(row["failure_id"], row["reason"]) for row in actual] == [
        ("upload-1", "not_an_image"),
        ("upload-2", "not_an_image"),
    ]
    assert actual[0]["quarantine_uri"] == "gs://quarantine/upload-1"


def test_a_prediction_without_a_label_needs_review(empty: Warehouse) -> None:
    later = prediction(4, **at(2))
    empty.fill(
        "predictions", *(prediction(number, **UNSURE) for number in (1, 2)), prediction(3), prediction(4, **UNSURE)
    )
    empty.fill("predictions", later | {"recorded_at": "2026-01-02T04:00:00Z"})
    empty.fill("labels", label(2, "tulip", 1))
    actual = empty.view("review_queue")
    assert [row["prediction_id"] for row in actual] == ["prediction-1"]
    assert (actual[0]["name"], actual[0]["model_name"]) == ("1.jpg", "flowers")


def test_a_label_corrected_twice_counts_once_with_the_last_value(empty: Warehouse) -> None:
    empty.fill("predictions", prediction(1, **UNSURE), prediction(2, **UNSURE))
    empty.fill("labels", label(1, "tulip", 1), label(1, "daisy", 2), label(1, "rose", 3), label(1, "rose", 3))
    assert [row["prediction_id"] for row in empty.view("review_queue")] == ["prediction-2"]
    [counted] = empty.adapter().query(_question("How often do people correct the model?")).rows
    assert counted == {"label": "rose", "judged": 1, "confirmed": 1, "precision": 1.0}


def test_results_have_one_row_for_a_picture_uploaded_many_times(empty: Warehouse) -> None:
    again = prediction(2, **at(2, uploaded_at="2026-01-02T04:00:00Z", label="tulip"))
    again["image"] |= {"name": "1.jpg", "sha256": prediction(1)["image"]["sha256"]}
    other_name = prediction(3)
    other_name["image"] |= {"sha256": prediction(1)["image"]["sha256"]}
    other_content = prediction(4)
    other_content["image"] |= {"name": "1.jpg", "sha256": "4" * 64}
    empty.fill("predictions", prediction(1), again, other_name, other_content)
    actual = {(row["name"], row["sha256"]): row["prediction_id"] for row in empty.view("results")}
    assert sorted(actual.values()) == ["prediction-2", "prediction-3", "prediction-4"]


def test_results_give_the_last_label_to_every_upload_of_the_picture(empty: Warehouse) -> None:
    same = prediction(2)
    same["image"] |= {"name": "again.jpg", "sha256": prediction(1)["image"]["sha256"]}
    other_model = prediction(3) | {"model": prediction(1)["model"] | {"name": "chest_xray"}}
    other_model["image"] |= {"sha256": prediction(1)["image"]["sha256"]}
    empty.fill("predictions", prediction(1), same, other_model)
    empty.fill("labels", label(1, "rose", 1), label(1, "dahlia", 3, labelled_by="ana@example.com"), label(1, "rose", 2))
    actual = {
        row["prediction_id"]: (row["label"], row["final_label"], row["labelled_by"]) for row in empty.view("results")
    }
    label_of_model = prediction(1)["label"]
    assert actual == {
        "prediction-1": (label_of_model, "dahlia", "ana@example.com"),
        "prediction-2": (label_of_model, "dahlia", "ana@example.com"),
        "prediction-3": (label_of_model, label_of_model, None),
    }


def test_results_keep_the_label_of_an_older_model_version(empty: Warehouse) -> None:
    later = prediction(1, **at(9, prediction_id="later", label="tulip"), **SECOND_MODEL)
    empty.fill("predictions", prediction(1), later)
    empty.fill("labels", label(1, "dahlia", 1))
    [row] = empty.view("results")
    assert (row["prediction_id"], row["label"], row["final_label"]) == ("later", "tulip", "dahlia")


@pytest.mark.parametrize("view", WINDOWED)
def test_a_filter_on_the_day_gives_the_same_rows_inside_and_outside_a_view(empty: Warehouse, view: str) -> None:
    """So that BigQuery may push it below the window, where it prunes partitions, and the answer stays."""
    copies = [
        at(second, uploaded_on=f"2026-01-{day:02}", prediction_id=f"p{number}-{day}", upload_id=f"u{number}-{day}")
        for number in (1, 2)
        for day in (2, 3)
        for second in (1, 2)
    ]
    if WINDOWED[view] == "predictions":
        empty.fill("predictions", *(prediction(1, **copy) for copy in copies))
    else:
        empty.fill("failures", *(_as_failure(copy) for copy in copies))
    day = "uploaded_on = DATE '2026-01-03'"
    above = empty.view(view, where=day)
    table = f"`{OUR_DATASET}.{WINDOWED[view]}`"
    below = dict(views_in_order())[view].replace(table, f"(SELECT * FROM {table} WHERE {day})")
    actual = empty.client.query_and_wait(f"{below}\nORDER BY 1", retry=NO_RETRY, job_retry=NO_RETRY)
    assert [dict(row.items()) for row in actual] == above
    assert {row["recorded_at"].second for row in above} == {2}
    assert len(above) == 2


def test_documented_questions_are_answered_from_rows(empty: Warehouse) -> None:
    challenger = prediction(1, **at(9, prediction_id="challenger", label="tulip"), **SECOND_MODEL)
    challenger["call"]["event_id"] = "1234"
    empty.fill("predictions", prediction(1), prediction(2, **UNSURE), challenger)
    empty.fill("failures", failure(3))
    empty.fill("labels", label(2, "tulip", 1))
    answered = {question: empty.adapter().query(_of_our_day(_with_dataset(sql))).rows for question, sql in QUESTIONS}
    actual = {question: [next(iter(row.values())) for row in rows] for question, rows in answered.items()}
    assert actual["Which pictures were uploaded more than once?"] == ["0" * 64]
    assert actual["Where do two models disagree?"] == ["1.jpg"]
    assert actual["How often do people correct the model?"] == ["rose"]
    assert [row["row_id"] for row in answered["What became of this event or trace?"]] == ["challenger"]
    assert sorted(actual["Which were close calls?"]) == ["1.jpg", "2.jpg"]
    assert [row["reason"] for row in answered["What was refused, and why?"]] == ["not_an_image"]
    assert [row["calls"] for row in answered["Is the new revision slower?"]] == [4]
    assert [row["images"] for row in answered["What comes in, by day?"]] == [1, 1]


def _as_failure(copy: dict[str, Any]) -> dict[str, Any]:
    """Turn the changes that make a prediction into a failure of the same upload."""
    return failure(1, failure_id=copy["upload_id"], uploaded_on=copy["uploaded_on"], recorded_at=copy["recorded_at"])


def _question(question: str) -> str:
    return _with_dataset(dict(QUESTIONS)[question])


def _with_dataset(sql: str) -> str:
    """Write the dataset out; that names without one are of the default dataset is a rule of its own."""
    return re.sub(rf"\b(FROM|JOIN) ({'|'.join([*VIEWS, *LAYOUT])})\b", rf"\1 `{OUR_DATASET}`.\2", sql)


def _of_our_day(sql: str) -> str:
    """Replace the clock in a question by the day of the test."""
    return sql.replace("CURRENT_DATE()", "DATE '2026-01-04'")
