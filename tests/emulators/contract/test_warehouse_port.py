"""What the steps ask of a warehouse, in the words of the port: in memory, and on the local cloud by our adapter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.backlog.already_recorded import recorded_uploads
from shared.errors import BadRequest, WarehouseUnavailable
from shared.operations.replay import Selection, rejected
from shared.pipeline.ids import ImageIds
from shared.pipeline.record import failure_row, prediction_row
from shared.types import Call, Correction, Failure, ImageFacts, ObjectRef, Prediction, Source, Times
from tests.pipeline.outcomes import FAILURE, MODEL, PREDICTION
from tests.worlds import World

pytestmark = pytest.mark.in_memory_too

RECORDED_AT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


def ref_of(world: World, name: str = "garden/rose ü.jpg") -> ObjectRef:
    return ObjectRef(world.uploads, name, 1763712000123456)


def image_of(ref: ObjectRef) -> ImageFacts:
    return replace(PREDICTION.image, bucket=ref.bucket, name=ref.name, generation=ref.generation)


def prediction(world: World, name: str = "garden/rose ü.jpg", digest: str = "d" * 64, **changes: Any) -> Prediction:
    ref = ref_of(world, name)
    ids, model = ImageIds.of_object(ref), replace(MODEL, digest=digest)
    fields: dict[str, Any] = {
        "prediction_id": ids.prediction_id(digest),
        "upload_id": ids.upload_id,
        "uploaded_at": ids.uploaded_at,
    }
    return replace(PREDICTION, **fields, image=image_of(ref), model=model, **changes)


def failure(world: World, name: str = "list.jpg", **changes: Any) -> Failure:
    ref = ref_of(world, name)
    ids, uri = ImageIds.of_object(ref), f"gs://{world.quarantine}/{ImageIds.of_object(ref).upload_id}"
    values: dict[str, Any] = {"failure_id": ids.upload_id, "uploaded_at": ids.uploaded_at, "quarantine_uri": uri}
    return replace(FAILURE, **values, image=image_of(ref), **changes)


def shadow() -> Call:
    return Call(Source.BACKLOG, datetime.now(UTC), is_shadow=True)


def test_a_prediction_is_read_as_written_with_its_types(world: World) -> None:
    sent = prediction(world)
    world.warehouse.append(sent)
    [row] = world.rows("latest_predictions")
    assert (row["prediction_id"], row["upload_id"]) == (sent.prediction_id, sent.upload_id)
    assert (row["uploaded_on"], row["uploaded_at"]) == (date(2025, 11, 21), sent.uploaded_at)
    assert isinstance(row["recorded_at"], datetime)
    assert (row["label"], row["score"], row["needs_review"]) == ("rose", 0.91239, False)
    assert row["candidates"] == [{"label": "rose", "score": 0.91239}, {"label": "tulip", "score": 0.08761}]
    want = prediction_row(sent, RECORDED_AT)
    assert row["image"] == want["image"]
    assert row["model"] == want["model"]
    assert row["call"] == want["call"] | {"received_at": sent.call.received_at}


def test_a_failure_is_read_as_written_with_its_types(world: World) -> None:
    sent = failure(world)
    world.warehouse.append(sent)
    [row] = world.rows("rejected_uploads")
    want = failure_row(sent, RECORDED_AT)
    image = {name: want["image"][name] for name in row.keys() & want["image"].keys()}
    assert image == {name: row[name] for name in image}
    assert len(image) == 6
    assert (row["failure_id"], row["reason"], row["detail"]) == (sent.failure_id, "not_an_image", "It is a list.")
    assert (row["uploaded_on"], row["uploaded_at"]) == (date(2025, 11, 21), sent.uploaded_at)
    assert len(row) == 12


def test_a_row_that_is_sent_twice_is_read_once(world: World) -> None:
    for _ in range(2):
        world.warehouse.append(prediction(world))
        world.warehouse.append(failure(world))
    assert len(world.rows("latest_predictions")) == 1
    assert len(world.rows("rejected_uploads")) == 1


def test_the_latest_prediction_of_an_upload_is_the_newest_of_all_models(world: World) -> None:
    for digest in ("1" * 64, "2" * 64):
        world.warehouse.append(prediction(world, digest=digest))
    [latest] = world.rows("latest_predictions")
    assert latest["model"]["digest"] == "2" * 64
    by_model = world.rows("predictions_by_model")
    assert {row["model"]["digest"] for row in by_model} == {"1" * 64, "2" * 64}


def test_rows_of_a_shadow_are_by_model_only(world: World) -> None:
    world.warehouse.append(prediction(world, call=shadow()))
    world.warehouse.append(failure(world, call=shadow()))
    assert (world.rows("latest_predictions"), world.rows("rejected_uploads")) == ([], [])
    assert len(world.rows("predictions_by_model")) == 1


def test_recorded_uploads_are_found_by_day_and_model(world: World) -> None:
    world.warehouse.append(prediction(world, "a.jpg"))
    world.warehouse.append(failure(world, "b.jpg"))
    a, b, c = (ref_of(world, name) for name in ("a.jpg", "b.jpg", "c.jpg"))
    other_day = replace(a, generation=a.generation + int(timedelta(days=1).total_seconds() * 1e6))
    queried = {ref: ["e" * 64, "d" * 64] for ref in (a, b, c, other_day)}
    assert recorded_uploads(world.warehouse, queried) == {a, b}
    assert recorded_uploads(world.warehouse, dict.fromkeys(queried, ("e" * 64,))) == {b}


def test_rejected_uploads_are_listed_oldest_first_for_a_replay(world: World) -> None:
    for name in ("b.jpg", "a.jpg"):
        world.warehouse.append(failure(world, name))
    actual = list(rejected(world.warehouse, Selection(world.uploads)))
    assert [file.name for file in actual] == ["b.jpg", "a.jpg"]
    sent = failure(world, "b.jpg")
    assert (actual[0].failure_id, actual[0].reason, actual[0].size_bytes) == (sent.failure_id, "not_an_image", 73012)
    assert (actual[0].quarantine_bucket, actual[0].quarantine_name) == (world.quarantine, sent.failure_id)
    assert list(rejected(world.warehouse, Selection("another-bucket"))) == []


def test_a_corrected_label_is_stored(world: World) -> None:
    correction = Correction("label-1", "p" * 64, "rose", "ada@example.com", RECORDED_AT, note=None)
    world.warehouse.append(correction)
    world.warehouse.append(correction)


def test_a_row_without_a_required_value_is_refused_and_not_stored(world: World) -> None:
    with pytest.raises(WarehouseUnavailable, match="total_ms"):
        world.warehouse.append(prediction(world, times=Times()))
    assert world.rows("latest_predictions") == []


def test_a_query_of_a_missing_table_is_refused(world: World) -> None:
    with pytest.raises(BadRequest):
        world.warehouse.query("SELECT * FROM no_such_view WHERE bucket IN UNNEST(@buckets)", buckets=["b"])
    with pytest.raises(BadRequest):
        world.warehouse.query("SELECT no_such_column FROM predictions")
