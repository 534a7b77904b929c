"""An upload that can never succeed ends in quarantine, or stays with a row and a mark, and is never lost."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.adapters.gcs import CloudStorage
from shared.errors import (
    BadRequest,
    Busy,
    NameTaken,
    OverRate,
    RowRefused,
    StorageRefused,
    StorageUnavailable,
    Unreadable,
    WarehouseUnavailable,
)
from shared.http.inputs import ImageUri, InputReader
from shared.images.memory_budget import UNLIMITED, MemoryBudget, MemoryBudgets
from shared.inference.classifier import Classifier
from shared.inference.registry import ModelRegistry
from shared.logs import log
from shared.pipeline import set_aside
from shared.pipeline.ids import ImageIds
from shared.pipeline.rate_limit import RateLimit
from shared.types import Failure, Prediction, Source, Upload
from tests.backlog.parts import attempts_of, faults_of, markers, sweep_of
from tests.emulators.fault_client import FaultControl
from tests.pipeline.parts import call, dropped, failing, received
from tests.worlds import World

Picture = Callable[..., bytes]
REFUSED: dict[str, Any] = {"status": 403, "reason": "forbidden"}
OF_A_POLICY = {"status": 412, "reason": "conditionNotMet"}
"""Google also gives this reason where an organisation policy forbids the write."""


@pytest.fixture
def faults(world: World) -> Iterator[FaultControl]:
    with faults_of(world) as faults:
        yield faults


@pytest.fixture
def logged_errors() -> Iterator[list[str]]:
    """Collect the messages that are logged at ERROR."""
    messages: list[str] = []

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    notes = Notes(logging.ERROR)
    log.addHandler(notes)
    yield messages
    log.removeHandler(notes)


def refuse_reads(faults: FaultControl, world: World, **fault: Any) -> int:
    return faults.set(method="GET", path=rf"/{world.uploads}/o/.*alt=media", **fault)


def refuse_copies(faults: FaultControl, world: World, **fault: Any) -> int:
    return faults.set(method="POST", path=f"/{world.uploads}/o/.*/rewriteTo/", **fault)


def refuse_deletes(faults: FaultControl, world: World, **fault: Any) -> int:
    return faults.set(method="DELETE", path=f"/{world.uploads}/o/", **fault)


def refuse_writes(faults: FaultControl, bucket: str, **fault: Any) -> int:
    return faults.set(method="POST", path=f"/upload/.*/{bucket}/", **fault)


def rows_written(world: World) -> int:
    """Return the number of rows in the tables, including those that the views do not show."""
    sql = (
        "SELECT image.name FROM predictions WHERE image.bucket IN UNNEST(@b) UNION ALL "
        "SELECT image.name FROM failures WHERE image.bucket IN UNNEST(@b)"
    )
    return len(world.warehouse.query(sql, b=[world.uploads]).rows)


def swept(world: World, **options: Any) -> dict[str, int]:
    return dict(sweep_of(world, **options).run(world.store.uploads(world.uploads)).outcomes)


def mark_of(world: World, upload: Upload, kind: str) -> bool:
    return set_aside.marked_uploads(world.store, world.quarantine).get(ImageIds.of_object(upload.ref).upload_id) == kind


# A 412 counts only if the object exists.


def test_write_refused_with_412_keeps_the_upload_and_writes_no_row(
    world: World, faults: FaultControl, picture: Picture, tmp_path: Path
) -> None:
    upload = dropped(world, tmp_path, picture(1))
    refuse_writes(faults, world.archive, **OF_A_POLICY)
    with pytest.raises(StorageRefused, match=r"may not be written, and there is no such object: .*412"):
        world.pipeline.process_upload(upload, call())
    assert world.names_in(world.uploads) == ["photo.jpg"]
    assert rows_written(world) == 0


def test_copy_refused_with_412_keeps_the_upload_and_writes_no_row(
    world: World, faults: FaultControl, tmp_path: Path
) -> None:
    upload = dropped(world, tmp_path, b"bread")
    refuse_copies(faults, world, **OF_A_POLICY)
    with pytest.raises(StorageRefused, match="there is no such object"):
        world.pipeline.process_upload(upload, call())
    assert world.names_in(world.uploads) == ["photo.jpg"]
    assert rows_written(world) == 0


def test_write_whose_answer_was_lost_succeeds(
    world: World, faults: FaultControl, picture: Picture, tmp_path: Path
) -> None:
    """The client retries, and the store answers that the object exists: the client's own."""
    upload = dropped(world, tmp_path, picture(2))
    refuse_writes(faults, world.archive, kind="reset", after=True, count=1)
    assert isinstance(world.pipeline.process_upload(upload, call()), Prediction)
    assert world.names_in(world.uploads) == []


def test_write_refuses_other_bytes_under_the_pictures_digest(world: World, picture: Picture, tmp_path: Path) -> None:
    content = picture(3)
    sha256 = hashlib.sha256(content).hexdigest()
    world.store.write_once(world.archive, f"{sha256[:2]}/{sha256}.jpg", b"something else", "image/jpeg")
    with pytest.raises(NameTaken, match="exists with other bytes"):
        world.pipeline.process_upload(dropped(world, tmp_path, content), call())
    assert world.names_in(world.uploads) == ["photo.jpg"]


def test_write_once_returns_an_equal_object_and_keeps_another(world: World, tmp_path: Path) -> None:
    first = world.store.write_once(world.archive, "a", b"bytes", "text/plain")
    assert world.store.write_once(world.archive, "a", b"bytes", "text/plain") == first
    with pytest.raises(NameTaken):
        world.store.write_once(world.archive, "a", b"other", "text/plain")
    upload = dropped(world, tmp_path, b"photo")
    copy = world.store.copy_once(upload.ref, world.quarantine, "c")
    assert world.store.copy_once(upload.ref, world.quarantine, "c") == copy
    with pytest.raises(NameTaken):
        world.store.copy_once(upload.ref, world.archive, "a")


# Content-Encoding is a property of the object; our client decompresses.


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_upload_with_a_wrong_content_encoding_is_quarantined(world: World, encoding: str) -> None:
    assert isinstance(world.store, CloudStorage)
    blob = world.store._client.bucket(world.uploads).blob("wrong.jpg")
    blob.content_encoding = encoding
    blob.upload_from_string(b"these bytes are not packed", "image/jpeg")
    outcome = world.pipeline.process_upload(world.store.find(world.uploads, "wrong.jpg"), call())
    assert isinstance(outcome, Failure)
    assert outcome.reason == "wrong_content_encoding"
    assert world.names_in(world.uploads) == []


def test_compressed_picture_has_the_digest_of_its_own_bytes(world: World, picture: Picture) -> None:
    content = picture(4)
    assert isinstance(world.store, CloudStorage)
    blob = world.store._client.bucket(world.uploads).blob("packed.jpg")
    blob.content_encoding = "gzip"
    blob.upload_from_string(gzip.compress(content), "image/jpeg")
    upload = world.store.find(world.uploads, "packed.jpg")
    assert upload.content_encoding == "gzip"
    outcome = world.pipeline.process_upload(upload, call())
    assert isinstance(outcome, Prediction)
    assert outcome.image.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(("encoding", "held"), [("", 1_000), ("gzip", 20_000)])
def test_compressed_file_reserves_memory_for_its_decompressed_size(world: World, encoding: str, held: int) -> None:
    """Otherwise no budget would count eight files that decompress to the limit."""
    limits = replace(world.pipeline.limits, max_bytes=20_000)
    memory = MemoryBudgets(MemoryBudget(100_000, timeout_s=0.01), world.pipeline.memory.decodes)
    pipeline = replace(world.pipeline, limits=limits, memory=memory)
    upload = Upload(world.store.write_once(world.uploads, "a", b"x", "image/jpeg"), 1_000, "", None, encoding)
    with memory.files.room_for(100_000 - 2 * held + 1), pytest.raises(Busy):
        pipeline.process_upload(upload, call())
    with memory.files.room_for(100_000 - 2 * held):
        assert isinstance(pipeline.process_upload(upload, call()), Failure)


# An object that cannot be read.


def test_unreadable_upload_is_quarantined_if_it_can_be_copied(
    world: World, faults: FaultControl, picture: Picture, tmp_path: Path
) -> None:
    upload = dropped(world, tmp_path, picture(5))
    refuse_reads(faults, world, status=400)
    outcome = world.pipeline.process_upload(upload, call())
    assert isinstance(outcome, Failure)
    assert outcome.reason == "unreadable"
    assert outcome.quarantine_uri == f"gs://{world.quarantine}/{outcome.failure_id}"
    assert world.names_in(world.uploads) == []


def test_unreadable_upload_that_cannot_be_copied_is_set_aside_once(
    world: World, faults: FaultControl, picture: Picture, tmp_path: Path
) -> None:
    upload = dropped(world, tmp_path, picture(6))
    refuse_reads(faults, world, status=400)
    refuse_copies(faults, world, status=400)
    assert swept(world) == {"set_aside": 1}
    [row] = world.rows("rejected_uploads")
    assert (row["reason"], row["quarantine_uri"]) == ("unreadable", None)
    assert world.names_in(world.uploads) == ["photo.jpg"]
    assert mark_of(world, upload, set_aside.SET_ASIDE)
    for _ in range(3):
        summary = sweep_of(world).run(world.store.uploads(world.uploads))
        assert dict(summary.outcomes) == {"skipped": 1}
        assert (summary.exit_code, summary.oldest_upload_s) == (0, 0.0)
    assert rows_written(world) == 1
    assert markers(world) == []


def test_set_aside_mark_that_cannot_be_written_raises_for_a_retry(
    world: World, faults: FaultControl, picture: Picture, tmp_path: Path
) -> None:
    upload = dropped(world, tmp_path, picture(7))
    refuse_reads(faults, world, status=400)
    refuse_copies(faults, world, status=400)
    refuse_writes(faults, world.quarantine, **REFUSED)
    with pytest.raises(StorageRefused):
        world.pipeline.process_upload(upload, call())
    assert world.names_in(world.uploads) == ["photo.jpg"]


@pytest.mark.parametrize(("status", "error"), [(400, Unreadable), (403, BadRequest)])
def test_request_for_an_unreadable_object_gets_a_permanent_error(
    world: World, faults: FaultControl, tmp_path: Path, status: int, error: type[Exception]
) -> None:
    dropped(world, tmp_path, b"bread")
    refuse_reads(faults, world, status=status)
    reader = InputReader(world.pipeline, call(Source.REQUEST), None, (world.uploads,), 1_000_000, UNLIMITED.room_for)
    with pytest.raises(error) as refused, reader.resolve(ImageUri(f"gs://{world.uploads}/photo.jpg"), 0):
        pass
    assert 400 <= refused.value.http_status < 500  # type: ignore[attr-defined]


# An upload that has its row and may not be deleted.


def test_undeletable_upload_gets_one_row_and_is_deleted_when_allowed(
    world: World, faults: FaultControl, picture: Picture, tmp_path: Path, logged_errors: list[str]
) -> None:
    upload = dropped(world, tmp_path, picture(8))
    refuse_deletes(faults, world, status=403, reason="retentionPolicyNotMet")
    assert isinstance(world.pipeline.process_upload(upload, call()), Prediction)
    assert mark_of(world, upload, set_aside.NOT_DELETED)
    for _ in range(2):
        summary = sweep_of(world).run(world.store.uploads(world.uploads))
        assert dict(summary.outcomes) == {"skipped": 1}
        assert summary.oldest_upload_s == 0.0
    assert rows_written(world) == 1
    assert [message.partition(":")[0] for message in logged_errors] == ["not deleted"]
    faults.clear()
    assert swept(world) == {"already_done": 1}
    assert world.names_in(world.uploads) == []
    assert set_aside.marked_uploads(world.store, world.quarantine) == {}
    assert rows_written(world) == 1


def test_delete_that_fails_for_a_moment_leaves_no_mark(world: World, picture: Picture, tmp_path: Path) -> None:
    pipeline, _ = failing(world, "delete", before=StorageUnavailable())
    with pytest.raises(StorageUnavailable):
        pipeline.process_upload(dropped(world, tmp_path, picture(9)), call())
    assert set_aside.marked_uploads(world.store, world.quarantine) == {}


# Errors that may pass, and errors that do not.


def test_upload_that_sweeps_cannot_finish_is_quarantined_in_the_end(
    world: World, faults: FaultControl, picture: Picture, tmp_path: Path
) -> None:
    dropped(world, tmp_path, picture(10))
    refuse_reads(faults, world, **REFUSED)
    assert swept(world) == {"postponed": 1}
    assert swept(world) == {"postponed": 1}
    assert swept(world, give_up_after_s=0) == {"rejected": 1}
    [row] = world.rows("rejected_uploads")
    assert row["reason"] == "tried_too_often"
    assert world.names_in(world.uploads) == []
    assert [name for name in world.names_in(world.quarantine) if "/" in name] == []


def test_upload_is_not_given_up_at_its_first_failure(
    world: World, faults: FaultControl, picture: Picture, tmp_path: Path
) -> None:
    """The time since the first failed sweep counts; otherwise a whole bucket of old files could be quarantined."""
    ref = dropped(world, tmp_path, picture(11)).ref
    attempts = attempts_of(world)
    since = attempts.first_postponed_at(ref)
    assert since
    assert abs((datetime.now(UTC) - since).total_seconds()) < 60
    assert attempts_of(world).first_postponed_at(ref) == since


def test_upload_that_cannot_be_quarantined_is_set_aside_in_the_end(
    world: World, faults: FaultControl, picture: Picture, tmp_path: Path
) -> None:
    upload = dropped(world, tmp_path, picture(12))
    refuse_reads(faults, world, **REFUSED)
    refuse_copies(faults, world, **REFUSED)
    assert swept(world) == {"postponed": 1}
    assert swept(world, give_up_after_s=0) == {"set_aside": 1}
    assert world.names_in(world.uploads) == ["photo.jpg"]
    assert mark_of(world, upload, set_aside.SET_ASIDE)
    assert swept(world, give_up_after_s=0) == {"skipped": 1}
    assert rows_written(world) == 1


def test_upload_is_not_given_up_while_the_warehouse_is_unavailable(
    world: World, picture: Picture, tmp_path: Path
) -> None:
    dropped(world, tmp_path, picture(13))
    pipeline, _ = failing(world, "append", before=WarehouseUnavailable())
    for _ in range(2):
        assert swept(replace(world, pipeline=pipeline), give_up_after_s=0) == {"postponed": 1}
    assert world.names_in(world.uploads) == ["photo.jpg"]
    assert world.names_in(world.quarantine) == []


def test_upload_whose_rows_are_always_refused_is_set_aside(
    world: World, picture: Picture, tmp_path: Path, logged_errors: list[str]
) -> None:
    upload = dropped(world, tmp_path, picture(14))
    pipeline, _ = failing(world, "append", before=RowRefused("no such field"))
    refusing = replace(world, pipeline=pipeline)
    assert swept(refusing) == {"postponed": 1}
    assert swept(refusing, give_up_after_s=0) == {"set_aside": 1}
    assert mark_of(world, upload, set_aside.SET_ASIDE)
    assert logged_errors[-1].startswith("set aside without a row")
    assert swept(refusing, give_up_after_s=0) == {"skipped": 1}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_upload_of_a_model_with_infinite_outputs_is_quarantined(
    world: World, picture: Picture, tmp_path: Path, bad: float
) -> None:
    dropped(world, tmp_path, picture(15))

    class Broken:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.pipeline.models.get_model().model, name)

        def run(self, batch: Any) -> Any:
            outputs = world.pipeline.models.get_model().model.run(batch)
            outputs[-1] = bad
            return outputs

    classifier = Classifier(world.pipeline.models.get_model().bundle, Broken())
    broken = replace(world, pipeline=replace(world.pipeline, models=ModelRegistry.of([classifier])))
    with pytest.raises(RuntimeError, match="1 of the model's 5 outputs are not finite"):
        broken.pipeline.process_upload(world.store.find(world.uploads, "photo.jpg"), call())
    for _ in range(2):
        assert swept(broken, timeout_s=0) == {"postponed": 1}
    assert swept(broken, timeout_s=0) == {"rejected": 1}
    [row] = world.rows("rejected_uploads")
    assert row["reason"] == "tried_too_often"


def test_attempt_that_hangs_keeps_its_marker_at_shutdown(world: World, picture: Picture, tmp_path: Path) -> None:
    """Otherwise every sweep would start with the same 8 files that never finish, and reach nothing else."""
    refs = [dropped(world, tmp_path, picture(seed), f"{seed}.jpg").ref for seed in (16, 17)]
    hung, innocent = attempts_of(world, timeout_s=0), attempts_of(world, timeout_s=300)
    assert hung.begin_first(refs[0])
    assert innocent.begin_first(refs[1])
    for attempts in (hung, innocent):
        attempts.withdraw_all(within_s=20)
    assert markers(world) == [f"attempts/{ImageIds.of_object(refs[0]).upload_id}/1"]


def test_attempt_that_is_done_loses_its_marker_however_long_it_took(
    world: World, picture: Picture, tmp_path: Path
) -> None:
    ref = dropped(world, tmp_path, picture(18)).ref
    attempts = attempts_of(world, timeout_s=0)
    attempt = attempts.begin_first(ref)
    assert attempt
    with faults_of(world) as faults:
        faults.set(method="DELETE", path=f"/{world.quarantine}/", **REFUSED)
        attempts.withdraw(attempt)
    assert len(markers(world)) == 1
    attempts.withdraw_all(within_s=20)
    assert markers(world) == []


# Objects that are not uploads are left alone.


def test_sweep_leaves_and_counts_folders_and_parts_of_uploads(world: World, picture: Picture, tmp_path: Path) -> None:
    part = "gcloud/tmp/parallel_composite_uploads/see_gcloud_storage_cp_help_for_details/17_ab_0"
    dropped(world, tmp_path, picture(19), part)
    dropped(world, tmp_path, picture(20), "photo.jpg")
    summary = sweep_of(world).run(world.store.uploads(world.uploads))
    assert dict(summary.outcomes) == {"not_an_upload": 1, "predicted": 1}
    assert summary.exit_code == 0
    assert world.names_in(world.uploads) == [part]
    assert swept(world) == {"not_an_upload": 1}
    assert sweep_of(world).run(world.store.uploads(world.uploads)).oldest_upload_s == 0.0


# Rules that the tests above rely on.


def test_rate_limit_refuses_callers_beyond_it(world: World, picture: Picture, tmp_path: Path) -> None:
    pipeline = replace(world.pipeline, rate=RateLimit(1))
    pipeline.classify_image(received(picture(21)), record=False)
    with pytest.raises(OverRate):
        pipeline.classify_image(received(picture(21)), record=False)


def test_set_aside_mark_names_the_upload_and_the_reason(world: World, picture: Picture, tmp_path: Path) -> None:
    ref = dropped(world, tmp_path, picture(22)).ref
    assert set_aside.mark(world.store, world.quarantine, set_aside.SET_ASIDE, ref, "it has a key")
    assert not set_aside.mark(world.store, world.quarantine, set_aside.SET_ASIDE, ref, "it has a key")
    [name] = world.names_in(world.quarantine)
    document = json.loads(world.store.read(world.store.find(world.quarantine, name).ref, 10_000))
    assert (document["upload"]["name"], document["why"]) == ("photo.jpg", "it has a key")
    set_aside.unmark(world.store, world.quarantine, ImageIds.of_object(ref).upload_id)
    set_aside.unmark(world.store, world.quarantine, ImageIds.of_object(ref).upload_id)
    assert world.names_in(world.quarantine) == []
