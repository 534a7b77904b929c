"""The steps of one image, in memory and on the real object store and warehouse."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import PIL.Image
import pytest

from shared.errors import Permanent, StorageUnavailable, Transient, TriedTooOften, WarehouseUnavailable
from shared.images.decode import Limits
from shared.pipeline.ids import ImageIds
from shared.types import Acknowledged, Failure, Prediction, Source
from tests.emulators.fault_client import FaultControl
from tests.memory.faults import Killed
from tests.pipeline.parts import call, dropped, failing, received
from tests.worlds import World

pytestmark = pytest.mark.in_memory_too

Picture = Callable[..., bytes]


def test_upload_becomes_a_row_and_an_archived_copy_and_is_deleted(
    world: World, picture: Picture, tmp_path: Path
) -> None:
    content = picture(1)
    upload = dropped(world, tmp_path, content)
    outcome = world.pipeline.process_upload(upload, call())
    assert isinstance(outcome, Prediction)
    sha256 = hashlib.sha256(content).hexdigest()
    assert world.names_in(world.archive) == [f"{sha256[:2]}/{sha256}.jpg"]
    assert world.names_in(world.uploads) == []
    [row] = world.rows("latest_predictions")
    assert row["prediction_id"] == outcome.prediction_id
    assert row["label"] == outcome.classification.label
    assert row["image"]["archive_uri"] == f"gs://{world.archive}/{sha256[:2]}/{sha256}.jpg"
    assert row["image"]["generation"] == upload.ref.generation
    assert row["call"]["times"]["total_ms"] > 0
    assert row["uploaded_on"] == upload.ref.created_at.date()


def test_pipeline_steps_are_in_the_order_that_loses_nothing(world: World, picture: Picture, tmp_path: Path) -> None:
    pipeline, notes = failing(world, "")
    pipeline.process_upload(dropped(world, tmp_path, picture(2)), call())
    assert notes == ["read", "write_once", "append", "delete"]


def test_rejected_upload_is_quarantined_then_recorded_then_deleted(world: World, tmp_path: Path) -> None:
    pipeline, notes = failing(world, "")
    upload = dropped(world, tmp_path, b"bread, butter", "list.jpg")
    outcome = pipeline.process_upload(upload, call())
    assert isinstance(outcome, Failure)
    assert notes == ["read", "copy_once", "append", "delete"]
    failure_id = ImageIds.of_object(upload.ref).upload_id
    assert world.names_in(world.quarantine) == [failure_id]
    assert world.names_in(world.uploads) == []
    assert world.names_in(world.archive) == []
    [row] = world.rows("rejected_uploads")
    assert (row["failure_id"], row["reason"], row["name"]) == (failure_id, "not_an_image", "list.jpg")


@pytest.mark.parametrize("step", ["read", "write_once", "append", "delete"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_pipeline_recovers_from_a_kill_at_any_step_on_the_next_delivery(
    world: World, picture: Picture, tmp_path: Path, step: str, moment: str
) -> None:
    upload = dropped(world, tmp_path, picture(3))
    killed, _ = failing(world, step, **{moment: Killed()})
    with pytest.raises(Killed):
        killed.process_upload(upload, call())
    is_done = (step, moment) == ("delete", "after")
    again = world.pipeline.process_upload(upload, call())
    assert isinstance(again, Acknowledged if is_done else Prediction)
    assert len(world.rows("latest_predictions")) == 1
    assert len(world.names_in(world.archive)) == 1
    assert world.names_in(world.uploads) == []


@pytest.mark.parametrize("step", ["copy_once", "append", "delete"])
def test_pipeline_recovers_from_a_kill_during_a_rejection(world: World, tmp_path: Path, step: str) -> None:
    upload = dropped(world, tmp_path, b"no image at all")
    killed, _ = failing(world, step, after=Killed())
    with pytest.raises(Killed):
        killed.process_upload(upload, call())
    world.pipeline.process_upload(upload, call())
    assert len(world.rows("rejected_uploads")) == 1
    assert len(world.names_in(world.quarantine)) == 1
    assert world.names_in(world.uploads) == []


@pytest.mark.parametrize(
    ("step", "error"),
    [("read", StorageUnavailable()), ("write_once", StorageUnavailable()), ("append", WarehouseUnavailable())],
)
def test_upload_stays_in_its_bucket_while_a_service_is_unavailable(
    world: World, picture: Picture, tmp_path: Path, step: str, error: Transient
) -> None:
    upload = dropped(world, tmp_path, picture(4))
    away, _ = failing(world, step, before=error)
    with pytest.raises(Transient):
        away.process_upload(upload, call())
    assert world.names_in(world.uploads) == ["photo.jpg"]
    assert world.rows("latest_predictions") == []


def test_row_is_not_written_before_the_archive_has_the_picture(world: World, picture: Picture, tmp_path: Path) -> None:
    upload = dropped(world, tmp_path, picture(5))
    away, notes = failing(world, "write_once", before=StorageUnavailable())
    with pytest.raises(StorageUnavailable):
        away.process_upload(upload, call())
    assert notes == ["read"]


def test_second_delivery_of_a_finished_upload_changes_nothing(world: World, picture: Picture, tmp_path: Path) -> None:
    upload = dropped(world, tmp_path, picture(6))
    world.pipeline.process_upload(upload, call())
    assert world.pipeline.process_upload(upload, call()) == Acknowledged(upload.ref, "already_done")
    assert len(world.rows("latest_predictions")) == 1


def test_overwritten_upload_is_superseded_and_the_new_one_is_kept(
    world: World, picture: Picture, tmp_path: Path
) -> None:
    first = dropped(world, tmp_path, picture(7))
    world.store.delete(first.ref)
    second = dropped(world, tmp_path, picture(8))
    assert world.pipeline.process_upload(first, call()) == Acknowledged(first.ref, "superseded")
    assert world.names_in(world.uploads) == ["photo.jpg"]
    assert isinstance(world.pipeline.process_upload(second, call()), Prediction)


def test_overwritten_upload_that_still_exists_is_classified_too(world: World, picture: Picture, tmp_path: Path) -> None:
    dropped(world, tmp_path, picture(20))
    world.overwrite(world.uploads, "photo.jpg", picture(21))
    old, new = world.store.uploads(world.uploads)
    outcomes = [world.pipeline.process_upload(upload, call()) for upload in (new, old)]
    assert all(isinstance(outcome, Prediction) for outcome in outcomes)
    assert list(world.store.uploads(world.uploads)) == []
    assert len(world.names_in(world.archive)) == 2
    assert len(world.rows("latest_predictions")) == 2


def test_delete_of_an_old_generation_leaves_the_new_one(world: World, picture: Picture, tmp_path: Path) -> None:
    first = dropped(world, tmp_path, picture(9))
    world.store.delete(first.ref)
    dropped(world, tmp_path, picture(10))
    world.store.delete(first.ref)
    assert world.names_in(world.uploads) == ["photo.jpg"]


def test_picture_under_two_names_is_archived_once_and_has_two_rows(
    world: World, picture: Picture, tmp_path: Path
) -> None:
    for name in ("a.jpg", "b.jpg"):
        world.pipeline.process_upload(dropped(world, tmp_path, picture(11), name), call())
    assert len(world.names_in(world.archive)) == 1
    assert len(world.rows("latest_predictions")) == 2


@pytest.mark.parametrize("name", ["holiday.jpg", "holiday", "holiday.pdf", "holiday.png.exe"])
@pytest.mark.parametrize("claimed", ["image/jpeg", "text/plain", ""])
def test_pipeline_reads_the_format_from_the_bytes_alone(
    world: World, picture: Picture, name: str, claimed: str
) -> None:
    content = BytesIO()
    PIL.Image.open(BytesIO(picture(40))).save(content, "PNG")
    world.overwrite(world.uploads, name, content.getvalue(), claimed)
    prediction = world.pipeline.process_upload(world.store.find(world.uploads, name), call())
    assert isinstance(prediction, Prediction)
    assert prediction.image.format == "png"
    assert str(prediction.archive_uri).endswith(".png")
    [archived] = world.store.uploads(world.archive)
    assert archived.content_type == "image/png"


def test_given_up_upload_is_quarantined_unread_recorded_and_deleted(
    world: World, picture: Picture, tmp_path: Path
) -> None:
    pipeline, notes = failing(world, "")
    upload = dropped(world, tmp_path, picture(30))
    outcome = pipeline.give_up_upload(upload, call(Source.BACKLOG), TriedTooOften("It ended the process."))
    assert isinstance(outcome, Failure)
    assert (outcome.reason, outcome.detail) == ("tried_too_often", "It ended the process.")
    assert notes == ["copy_once", "append", "delete"]
    assert pipeline.give_up_upload(upload, call(), TriedTooOften()) == Acknowledged(upload.ref, "already_done")
    assert len(world.rows("rejected_uploads")) == 1


def test_upload_is_not_deleted_without_remove(world: World, picture: Picture, tmp_path: Path) -> None:
    pipeline, notes = failing(world, "")
    image = dropped(world, tmp_path, picture(31), "photo.jpg")
    text = dropped(world, tmp_path, b"no image at all", "list.jpg")
    pipeline.process_upload(image, call(), remove=False)
    pipeline.process_upload(text, call(), remove=False)
    pipeline.give_up_upload(image, call(), TriedTooOften(), remove=False)
    assert "delete" not in notes
    assert world.names_in(world.uploads) == ["list.jpg", "photo.jpg"]


def test_file_over_the_limit_is_quarantined_unread(world: World, tmp_path: Path) -> None:
    pipeline, notes = failing(replace(world, pipeline=replace(world.pipeline, limits=Limits(max_bytes=1000))), "")
    outcome = pipeline.process_upload(dropped(world, tmp_path, b"x" * 1001), call())
    assert isinstance(outcome, Failure)
    assert outcome.reason == "too_many_bytes"
    assert "read" not in notes


def test_classify_image_without_a_record_stores_nothing(world: World, picture: Picture) -> None:
    content = picture(12)
    prediction = world.pipeline.classify_image(received(content, "key"), record=False)
    assert prediction.archive_uri is None
    assert world.names_in(world.archive) == []


def test_classify_image_twice_under_one_key_gives_one_row(world: World, picture: Picture) -> None:
    content = picture(13)
    for _ in range(2):
        world.pipeline.classify_image(received(content, "one-key", bucket=world.uploads))
    assert len(world.rows("latest_predictions")) == 1


def test_classify_image_stores_no_bad_bytes(world: World) -> None:
    with pytest.raises(Permanent):
        world.pipeline.classify_image(received(b"no"))
    assert world.names_in(world.archive) == []
    assert world.names_in(world.quarantine) == []


def test_row_of_an_upload_without_a_content_type_has_null(world: World, picture: Picture, tmp_path: Path) -> None:
    upload = replace(dropped(world, tmp_path, picture(60)), content_type="")
    world.pipeline.process_upload(upload, call())
    [row] = world.rows("latest_predictions")
    assert row["image"]["content_type"] is None


def test_row_is_sent_with_its_id_as_insert_id(world: World, picture: Picture, tmp_path: Path) -> None:
    """BigQuery uses it to drop most rows that are sent twice."""
    outcome = world.pipeline.process_upload(dropped(world, tmp_path, picture(61)), call())
    assert isinstance(outcome, Prediction)
    records = FaultControl(world.environment["BIGQUERY_EMULATOR_HOST"]).records()
    assert (outcome.prediction_id,) in [record.row_ids for record in records]
