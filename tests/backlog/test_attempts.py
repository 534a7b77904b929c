"""Attempt markers, in memory and on the real object store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.backlog.attempts import FOLDER, Attempts, BeingTried, delete_markers
from shared.errors import AlreadyDone, StorageUnavailable, TriedTooOften
from shared.pipeline.ids import ImageIds
from shared.types import ObjectRef, Upload
from tests.backlog.parts import faults_of
from tests.emulators.fault_client import FaultControl
from tests.worlds import World

pytestmark = pytest.mark.in_memory_too

TIMEOUT_S = 300
WRITER: dict[str, str | int | None] = {"service": "classify-backlog", "revision": "of-today", "task": 3}


def now(later_s: float = 0) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=later_s)


def of(world: World) -> Attempts:
    """Return the attempt markers of a new process."""
    return Attempts(world.store, world.quarantine, TIMEOUT_S, WRITER)


def markers(world: World, upload: ObjectRef) -> list[str]:
    """Return the numbers of an upload's markers."""
    folder = f"{FOLDER}{ImageIds.of_object(upload).upload_id}/"
    return [marker.ref.name.removeprefix(folder) for marker in world.store.uploads(world.quarantine, folder)]


@pytest.fixture
def upload(world: World, tmp_path: Path) -> ObjectRef:
    world.put("holiday/a photo.jpg", b"not looked at", tmp_path)
    return world.store.find(world.uploads, "holiday/a photo.jpg").ref


@pytest.fixture
def faults(world: World) -> Iterator[FaultControl]:
    with faults_of(world) as faults:
        yield faults


def test_marker_has_the_upload_the_time_and_the_writer(world: World, upload: ObjectRef) -> None:
    attempt = of(world).begin_first(upload)
    assert attempt
    assert attempt.marker.name == f"attempts/{ImageIds.of_object(upload).upload_id}/1"
    document = json.loads(world.store.read(attempt.marker, 10_000))
    assert document["upload"] == {
        "bucket": world.uploads,
        "name": "holiday/a photo.jpg",
        "generation": upload.generation,
    }
    assert {name: document[name] for name in WRITER} == WRITER
    assert datetime.fromisoformat(document["begun_at"]) <= now()


def test_begin_first_returns_none_after_an_earlier_attempt(world: World, upload: ObjectRef) -> None:
    assert of(world).begin_first(upload)
    assert of(world).begin_first(upload) is None
    assert markers(world, upload) == ["1"]


def test_attempt_takes_the_first_free_number(world: World, upload: ObjectRef) -> None:
    assert [of(world).begin_next(upload, now()).number for _ in range(2)] == [1, 2]


def test_attempt_three_is_refused_after_the_timeout(world: World, upload: ObjectRef) -> None:
    for _ in range(2):
        of(world).begin_next(upload, now())
    with pytest.raises(TriedTooOften, match="began 2 times, and each time it ended without a result"):
        of(world).begin_next(upload, now(TIMEOUT_S + 5))
    assert markers(world, upload) == ["1", "2"]


def test_attempt_three_waits_while_another_sweep_may_be_running(world: World, upload: ObjectRef) -> None:
    for _ in range(2):
        of(world).begin_next(upload, now())
    with pytest.raises(BeingTried, match="another sweep may still run it"):
        of(world).begin_next(upload, now(TIMEOUT_S - 60))


def test_finish_deletes_the_markers_of_all_attempts(world: World, upload: ObjectRef) -> None:
    of(world).begin_first(upload)
    attempts = of(world)
    attempts.finish(attempts.begin_next(upload, now()))
    assert markers(world, upload) == []


def test_withdrawn_attempt_does_not_count_but_an_earlier_kill_does(world: World, upload: ObjectRef) -> None:
    of(world).begin_first(upload)
    attempts = of(world)
    attempts.withdraw(attempts.begin_next(upload, now()))
    assert markers(world, upload) == ["1"]


def test_withdraw_all_deletes_only_the_markers_of_open_attempts(
    world: World, upload: ObjectRef, tmp_path: Path
) -> None:
    world.put("other.jpg", b"", tmp_path)
    other = world.store.find(world.uploads, "other.jpg").ref
    attempts = of(world)
    attempts.begin_first(upload)
    attempts.keep_marker(attempts.begin_next(other, now()))
    attempts.withdraw_all(within_s=20)
    assert (markers(world, upload), markers(world, other)) == ([], ["1"])


def test_marker_whose_answer_was_lost_counts_once(world: World, upload: ObjectRef, faults: FaultControl) -> None:
    """The client retries, and the store answers that the marker exists: its own."""
    faults.set(method="POST", path=f"/{world.quarantine}/", kind="reset", count=1, after=True)
    attempt = of(world).begin_first(upload)
    assert attempt
    assert attempt.number == 1
    assert markers(world, upload) == ["1"]


def test_withdraw_all_retries_markers_that_could_not_be_deleted(
    world: World, upload: ObjectRef, faults: FaultControl
) -> None:
    attempts = of(world)
    attempt = attempts.begin_first(upload)
    assert attempt
    faults.set(method="DELETE", path=f"/{world.quarantine}/", status=403, count=1)
    attempts.withdraw(attempt)
    assert markers(world, upload) == ["1"]
    attempts.withdraw_all(within_s=20)
    assert markers(world, upload) == []


def test_begin_first_raises_if_the_marker_cannot_be_written(
    world: World, upload: ObjectRef, faults: FaultControl
) -> None:
    """Without a marker no sweep would notice that the upload killed a process, so it must wait."""
    faults.set(method="POST", path=f"/{world.quarantine}/", status=403)
    with pytest.raises(StorageUnavailable):
        of(world).begin_first(upload)


def test_leftovers_are_the_old_markers_of_uploads_that_are_gone(
    world: World, upload: ObjectRef, tmp_path: Path
) -> None:
    world.put("gone.jpg", b"", tmp_path)
    gone = world.store.find(world.uploads, "gone.jpg").ref
    for ref in (upload, gone):
        of(world).begin_first(ref)
    world.store.delete(gone)
    of(world).remove_leftovers(now(), is_done=lambda _: False)
    assert (markers(world, upload), markers(world, gone)) == (["1"], ["1"]), "their writers may still be running"
    of(world).remove_leftovers(now(TIMEOUT_S + 5), is_done=lambda _: False)
    assert (markers(world, upload), markers(world, gone)) == (["1"], [])
    of(world).remove_leftovers(now(TIMEOUT_S + 5), is_done=lambda ref: ref == upload)
    assert markers(world, upload) == []


def test_leftovers_include_malformed_markers(world: World) -> None:
    world.store.write_once(world.quarantine, f"{FOLDER}{'0' * 64}/1", b"[]", "application/json")
    of(world).remove_leftovers(now(TIMEOUT_S + 5), is_done=lambda _: False)
    assert world.names_in(world.quarantine) == []


def test_delete_markers_is_idempotent(world: World, upload: ObjectRef) -> None:
    for _ in range(2):
        of(world).begin_next(upload, now())
    for _ in range(2):
        delete_markers(world.store, world.quarantine, ImageIds.of_object(upload).upload_id)
    assert markers(world, upload) == []


def test_attempt_timeout_counts_from_the_last_attempt(
    world: World, upload: ObjectRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload that another sweep is decoding is not given up because of an older attempt."""
    for _ in range(2):
        of(world).begin_next(upload, now())
    first = world.store.find(world.quarantine, f"{FOLDER}{ImageIds.of_object(upload).upload_id}/1")
    long_ago = ObjectRef(first.ref.bucket, first.ref.name, first.ref.generation - (TIMEOUT_S + 60) * 1_000_000)
    find = world.store.find

    def with_an_old_first(bucket: str, name: str) -> Upload:
        marker = find(bucket, name)
        return replace(marker, ref=long_ago) if marker.ref == first.ref else marker

    monkeypatch.setattr(world.store, "find", with_an_old_first)
    with pytest.raises(BeingTried):
        of(world).begin_next(upload, now(TIMEOUT_S - 60))
    with pytest.raises(TriedTooOften):
        of(world).begin_next(upload, now(TIMEOUT_S + 60))


def test_attempt_with_vanished_markers_counts_as_running(
    world: World, upload: ObjectRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        of(world).begin_next(upload, now())

    def gone(bucket: str, name: str) -> Upload:
        raise AlreadyDone(name)

    monkeypatch.setattr(world.store, "find", gone)
    with pytest.raises(BeingTried):
        of(world).begin_next(upload, now(TIMEOUT_S + 5))


def test_leftovers_include_markers_of_an_overwritten_generation(world: World, upload: ObjectRef) -> None:
    of(world).begin_first(upload)
    world.overwrite(world.uploads, upload.name, b"newer")
    world.store.delete(upload)
    assert world.names_in(world.uploads) == [upload.name]
    of(world).remove_leftovers(now(TIMEOUT_S + 5), is_done=lambda _: False)
    assert markers(world, upload) == []


def test_leftovers_include_the_postponed_marker_of_a_gone_upload(world: World, upload: ObjectRef) -> None:
    assert of(world).first_postponed_at(upload)
    of(world).remove_leftovers(now(TIMEOUT_S + 5), is_done=lambda _: False)
    assert len(world.names_in(world.quarantine)) == 1
    world.store.delete(upload)
    of(world).remove_leftovers(now(TIMEOUT_S + 5), is_done=lambda _: False)
    assert world.names_in(world.quarantine) == []


def test_first_postponed_at_is_none_if_it_cannot_be_recorded(
    world: World, upload: ObjectRef, faults: FaultControl
) -> None:
    faults.set(method="POST", path=f"/{world.quarantine}/", status=403)
    assert of(world).first_postponed_at(upload) is None
