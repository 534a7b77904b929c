"""What can never pass ends the same way with parts in memory: a row, a mark, one word in the log, and nothing lost."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import PIL.Image
import pytest

from shared.errors import (
    Busy,
    OverRate,
    RowRefused,
    StorageRefused,
    Superseded,
    TooManyBytes,
    TriedTooOften,
    Unreadable,
)
from shared.images.decode import Limits
from shared.images.memory_budget import MIB, MemoryBudget
from shared.inference.classifier import Classifier
from shared.logs import log
from shared.pipeline.ids import ImageIds
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.rate_limit import RateLimit
from shared.pipeline.set_aside import NOT_DELETED, SET_ASIDE, marked_uploads
from shared.types import Acknowledged, Correction, Failure, Image, Prediction, Source, Upload
from tests.pipeline.parts import call, dropped, failing, received
from tests.worlds import World

Picture = Callable[..., bytes]
LABEL = Correction(
    "label-of-test-endings", "p", "tulips", "somebody", datetime(2026, 6, 1, 23, 30, tzinfo=UTC), "in the back", True
)
WHY = TriedTooOften("It was tried too often.")


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What is logged at ERROR."""
    lines: list[str] = []

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    notes = Notes(logging.ERROR)
    log.addHandler(notes)
    yield lines
    log.removeHandler(notes)


def id_of(upload: Upload) -> str:
    return ImageIds.of_object(upload.ref).upload_id


def marks(world: World, upload: Upload) -> str | None:
    return marked_uploads(world.store, world.quarantine).get(ImageIds.of_object(upload.ref).upload_id)


def test_file_that_can_be_neither_read_nor_copied_is_recorded_marked_and_left(
    memory_world: World, tmp_path: Path
) -> None:
    upload = dropped(memory_world, tmp_path, b"bread")
    pipeline, notes = failing(memory_world, "copy_once", before=Unreadable("It has its owner's key."))
    outcome = pipeline.process_upload(upload, call())
    assert isinstance(outcome, Failure)
    assert outcome.quarantine_uri is None
    assert notes[-2:] == ["append", "write_once"]  # the row, then the mark
    assert "delete" not in notes
    assert marks(memory_world, upload) == SET_ASIDE
    assert memory_world.names_in(memory_world.uploads) == ["photo.jpg"]
    [row] = memory_world.rows("rejected_uploads")
    assert row["quarantine_uri"] is None


def test_upload_that_may_not_be_deleted_is_marked_and_said_once(
    memory_world: World, picture: Picture, tmp_path: Path, said: list[str]
) -> None:
    upload = dropped(memory_world, tmp_path, picture(1))
    pipeline, _ = failing(memory_world, "delete", before=StorageRefused("A hold is on it."))
    for _ in range(2):
        assert isinstance(pipeline.process_upload(upload, call()), Prediction)
        [line] = said  # the first time, and not again
        assert "not deleted" in line
        assert "A hold is on it." in line
    assert marked_uploads(memory_world.store, memory_world.quarantine)[id_of(upload)] == NOT_DELETED


def test_upload_that_is_set_aside_has_a_row_and_a_mark(memory_world: World, tmp_path: Path, said: list[str]) -> None:
    upload = dropped(memory_world, tmp_path, b"bread")
    outcome = memory_world.pipeline.set_upload_aside(upload, call(), WHY)
    assert isinstance(outcome, Failure)
    assert (outcome.reason, outcome.quarantine_uri) == (WHY.reason, None)
    assert marks(memory_world, upload) == SET_ASIDE
    assert memory_world.names_in(memory_world.uploads) == ["photo.jpg"]
    assert said == []


def test_upload_whose_row_is_refused_too_is_marked_acknowledged_and_said(
    memory_world: World, tmp_path: Path, said: list[str]
) -> None:
    upload = dropped(memory_world, tmp_path, b"bread")
    pipeline, _ = failing(memory_world, "append", before=RowRefused("It is too old."))
    assert pipeline.set_upload_aside(upload, call(), WHY) == Acknowledged(upload.ref, "set_aside", str(WHY))
    assert marks(memory_world, upload) == SET_ASIDE
    assert memory_world.rows("rejected_uploads") == []
    [line] = said
    assert "set aside without a row" in line
    assert "It is too old." in line


@pytest.mark.parametrize("step", ["give_up", "process"])
def test_upload_that_a_newer_one_replaced_is_acknowledged_as_superseded(
    memory_world: World, tmp_path: Path, step: str
) -> None:
    upload = dropped(memory_world, tmp_path, b"bread")
    pipeline, notes = failing(memory_world, "copy_once", before=Superseded("A newer one took its place."))
    if step == "give_up":
        outcome = pipeline.give_up_upload(upload, call(), WHY)
    else:
        outcome = pipeline.process_upload(upload, call())
    assert outcome == Acknowledged(upload.ref, "superseded")
    assert "append" not in notes


@pytest.mark.parametrize("remove", [True, False])
def test_upload_that_is_given_up_leaves_its_bucket_unless_it_is_kept(
    memory_world: World, tmp_path: Path, remove: bool
) -> None:
    upload = dropped(memory_world, tmp_path, b"bread")
    outcome = memory_world.pipeline.give_up_upload(upload, call(), WHY, remove=remove)
    assert isinstance(outcome, Failure)
    upload_id = ImageIds.of_object(upload.ref).upload_id
    assert outcome.quarantine_uri == f"gs://{memory_world.quarantine}/{upload_id}"
    assert memory_world.names_in(memory_world.quarantine) == [upload_id]
    assert memory_world.names_in(memory_world.uploads) == ([] if remove else ["photo.jpg"])


def full(world: World) -> Pipeline:
    """Return a pipeline that takes one more image in this minute, and has taken it."""
    pipeline = replace(world.pipeline, rate=RateLimit(1, lambda: 0.0))
    pipeline.rate.take()
    return pipeline


def test_event_over_the_rate_is_acknowledged_and_its_upload_left_to_the_sweep(
    memory_world: World, picture: Picture, tmp_path: Path
) -> None:
    upload = dropped(memory_world, tmp_path, picture(2))
    outcome = full(memory_world).process_upload(upload, call())
    assert isinstance(outcome, Acknowledged)
    assert (outcome.ref, outcome.reason, outcome.is_left_to_the_sweep) == (upload.ref, "over_rate", True)
    assert outcome.detail.endswith("it is left to the sweep")
    assert memory_world.names_in(memory_world.uploads) == ["photo.jpg"]


def test_upload_that_no_event_brought_has_waited_for_the_rate_and_is_taken(
    memory_world: World, picture: Picture, tmp_path: Path
) -> None:
    upload = dropped(memory_world, tmp_path, picture(3))
    assert isinstance(full(memory_world).process_upload(upload, call(Source.BACKLOG)), Prediction)


def test_everything_that_a_caller_asks_for_counts_for_the_rate(
    memory_world: World, classifier: Classifier, picture: Picture
) -> None:
    asked: list[Callable[[Pipeline], object]] = [
        lambda pipeline: pipeline.classify_image(received(picture(4)), record=False),
        lambda pipeline: pipeline.explain_image(picture(4), classifier),
        lambda pipeline: pipeline.decode_image(picture(4), 64),
        lambda pipeline: pipeline.record_label(LABEL),
    ]
    for ask in asked:
        with pytest.raises(OverRate):
            ask(full(memory_world))
        pipeline = replace(memory_world.pipeline, rate=RateLimit(1, lambda: 0.0))
        ask(pipeline)
        with pytest.raises(OverRate):
            pipeline.rate.take()


def test_image_for_people_is_decoded_at_the_size_that_is_asked_for(memory_world: World, picture: Picture) -> None:
    image = memory_world.pipeline.decode_image(picture(5, (640, 480)), 120)
    assert (image.width_px, image.height_px) == (640, 480)
    assert 120 <= min(image.pixels.shape[:2]) < 480


def test_image_for_people_that_is_too_large_is_refused_before_it_counts(memory_world: World, picture: Picture) -> None:
    content = picture(6)
    for more, fits in ((0, True), (1, False)):
        limits = replace(memory_world.pipeline.limits, max_bytes=len(content) - more)
        pipeline = replace(memory_world.pipeline, limits=limits, rate=RateLimit(1, lambda: 0.0))
        if fits:
            pipeline.decode_image(content, 64)
        else:
            with pytest.raises(TooManyBytes):
                pipeline.decode_image(content, 64)
            pipeline.rate.take()  # there is room still


def test_label_becomes_a_row_with_all_that_was_said(memory_world: World) -> None:
    memory_world.pipeline.record_label(LABEL)
    sql = "SELECT * FROM labels WHERE label_id IN UNNEST(@ids)"
    [row] = memory_world.warehouse.query(sql, ids=[LABEL.label_id]).rows
    assert row == {
        "label_id": LABEL.label_id,
        "prediction_id": "p",
        "label": "tulips",
        "labelled_by": "somebody",
        "labelled_on": LABEL.labelled_at.date(),
        "labelled_at": LABEL.labelled_at,
        "note": "in the back",
        "is_new_label": True,
    }


def test_explanation_is_drawn_as_a_png_of_the_picture(
    memory_world: World, classifier: Classifier, picture: Picture
) -> None:
    content = picture(7, (640, 320))
    explained = memory_world.pipeline.explain_image(content, classifier)
    drawn = PIL.Image.open(BytesIO(memory_world.pipeline.draw_explanation(content, explained)))
    assert (drawn.format, drawn.size) == ("PNG", (640, 320))


def test_file_over_the_limit_is_quarantined_without_being_read(
    memory_world: World, picture: Picture, tmp_path: Path
) -> None:
    content = picture(8)
    for name, more, expected in (("fits.jpg", 0, Prediction), ("not.jpg", 1, Failure)):
        limits = replace(memory_world.pipeline.limits, max_bytes=len(content) - more)
        pipeline, notes = failing(memory_world, "")
        outcome = replace(pipeline, limits=limits).process_upload(
            dropped(memory_world, tmp_path, content, name), call()
        )
        assert isinstance(outcome, expected)
        assert ("read" in notes) is (expected is Prediction)


def test_archive_holds_the_stripped_file_and_the_row_the_digest_of_what_was_sent(
    memory_world: World, picture: Picture, tmp_path: Path
) -> None:
    content, stripped = picture(9), b"without metadata"
    asked: list[bytes] = []

    def strip(content: bytes, image: Image, limits: Limits, *, shrink_to_px: int | None, budget: MemoryBudget) -> bytes:
        asked.append(content)
        return stripped

    pipeline = replace(memory_world.pipeline, strip=strip)
    outcome = pipeline.process_upload(dropped(memory_world, tmp_path, content), call())
    assert isinstance(outcome, Prediction)
    assert outcome.image.sha256 == hashlib.sha256(content).hexdigest()
    [archived] = memory_world.store.uploads(memory_world.archive)
    assert archived.ref.uri.partition("#")[0] == outcome.archive_uri
    assert hashlib.sha256(stripped).hexdigest() in archived.ref.name
    assert memory_world.store.read(archived.ref, 1000) == stripped
    kept = pipeline.classify_image(received(content), record=False)
    assert (kept.archive_uri, asked) == (None, [content])  # what is not kept is not stripped


@pytest.mark.parametrize(("others_mib", "fits"), [(16, True), (17, False)])
def test_drawing_an_explanation_holds_24_mebibytes(
    memory_world: World, classifier: Classifier, picture: Picture, others_mib: int, fits: bool
) -> None:
    decodes = MemoryBudget(40 * MIB, timeout_s=0)
    pipeline = replace(memory_world.pipeline, memory=replace(memory_world.pipeline.memory, decodes=decodes))
    explained = pipeline.explain_image(picture(10), classifier)
    with decodes.room_for(others_mib * MIB):
        if fits:
            assert pipeline.draw_explanation(picture(10), explained)
        else:
            with pytest.raises(Busy):
                pipeline.draw_explanation(picture(10), explained)
