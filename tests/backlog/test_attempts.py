"""Attempt markers, in memory and on the real object store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.backlog.attempts import FOLDER, Attempts, BeingTried, forget
from shared.errors import AlreadyDone, StorageUnavailable, TriedTooOften
from shared.pipeline.ids import ImageIds
from shared.types import ObjectRef, Upload
from tests.backlog.parts import faults_of
from tests.emulators.fault_client import FaultControl
from tests.worlds import World

pytestmark = pytest.mark.in_memory_too

TIMEOUT_S = 300
WHO: dict[str, str | int | None] = {"service": "classify-backlog", "revision": "of-today", "task": 3}


def now(later_s: float = 0) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=later_s)


def of(world: World) -> Attempts:
    """A process's markers."""
    return Attempts(world.store, world.quarantine, TIMEOUT_S, WHO)


def markers(world: World, upload: ObjectRef) -> list[str]:
    """The numbers of an upload's markers."""
    folder = f"{FOLDER}{ImageIds.of_object(upload).upload_id}/"
    return [one.ref.name.removeprefix(folder) for one in world.store.uploads(world.quarantine, folder)]


@pytest.fixture
def upload(world: World, tmp_path: Path) -> ObjectRef:
    world.put("holiday/a photo.jpg", b"not looked at", tmp_path)
    return world.store.find(world.uploads, "holiday/a photo.jpg").ref


@pytest.fixture
def faults(world: World) -> Iterator[FaultControl]:
    with faults_of(world) as faults:
        yield faults


def test_a_marker_says_which_upload_was_begun_when_and_by_whom(world: World, upload: ObjectRef) -> None:
    attempt = of(world).begin_first(upload)
    assert attempt
    assert attempt.marker.name == f"attempts/{ImageIds.of_object(upload).upload_id}/1"
    says = json.loads(world.store.read(attempt.marker, 10_000))
    assert says["upload"] == {"bucket": world.uploads, "name": "holiday/a photo.jpg", "generation": upload.generation}
    assert {name: says[name] for name in WHO} == WHO
    assert datetime.fromisoformat(says["begun_at"]) <= now()


def test_an_upload_that_was_begun_before_is_not_begun_as_if_it_were_new(world: World, upload: ObjectRef) -> None:
    assert of(world).begin_first(upload)
    assert of(world).begin_first(upload) is None
    assert markers(world, upload) == ["1"]


def test_each_attempt_takes_the_first_number_that_is_free(world: World, upload: ObjectRef) -> None:
    assert [of(world).begin_next(upload, now()).number for _ in range(2)] == [1, 2]


def test_the_third_attempt_is_refused_for_good_once_nobody_can_be_at_work(world: World, upload: ObjectRef) -> None:
    for _ in range(2):
        of(world).begin_next(upload, now())
    with pytest.raises(TriedTooOften, match="begun 2 times, and each time the process ended"):
        of(world).begin_next(upload, now(TIMEOUT_S + 5))
    assert markers(world, upload) == ["1", "2"]


def test_the_third_attempt_waits_while_another_sweep_may_be_at_work(world: World, upload: ObjectRef) -> None:
    for _ in range(2):
        of(world).begin_next(upload, now())
    with pytest.raises(BeingTried, match="another sweep may be at it"):
        of(world).begin_next(upload, now(TIMEOUT_S - 60))


def test_a_finished_upload_has_no_marker_also_none_of_earlier_attempts(world: World, upload: ObjectRef) -> None:
    of(world).begin_first(upload)
    attempts = of(world)
    attempts.finish(attempts.begin_next(upload, now()))
    assert markers(world, upload) == []


def test_what_is_given_back_does_not_count_and_a_kill_before_it_does(world: World, upload: ObjectRef) -> None:
    of(world).begin_first(upload)
    attempts = of(world)
    attempts.give_back(attempts.begin_next(upload, now()))
    assert markers(world, upload) == ["1"]


def test_an_end_in_order_gives_back_what_is_open_and_nothing_else(
    world: World, upload: ObjectRef, tmp_path: Path
) -> None:
    world.put("other.jpg", b"", tmp_path)
    other = world.store.find(world.uploads, "other.jpg").ref
    attempts = of(world)
    attempts.begin_first(upload)
    attempts.leave(attempts.begin_next(other, now()))
    attempts.give_back_all(within_s=20)
    assert (markers(world, upload), markers(world, other)) == ([], ["1"])


def test_a_marker_whose_answer_was_lost_counts_once(world: World, upload: ObjectRef, faults: FaultControl) -> None:
    """The client asks again and is told that there is one: its own."""
    faults.set(method="POST", path=f"/{world.quarantine}/", kind="reset", count=1, after=True)
    attempt = of(world).begin_first(upload)
    assert attempt
    assert attempt.number == 1
    assert markers(world, upload) == ["1"]


def test_what_could_not_be_given_back_is_given_back_at_the_end(
    world: World, upload: ObjectRef, faults: FaultControl
) -> None:
    attempts = of(world)
    attempt = attempts.begin_first(upload)
    assert attempt
    faults.set(method="DELETE", path=f"/{world.quarantine}/", status=403, count=1)
    attempts.give_back(attempt)
    assert markers(world, upload) == ["1"]
    attempts.give_back_all(within_s=20)
    assert markers(world, upload) == []


def test_no_marker_no_work(world: World, upload: ObjectRef, faults: FaultControl) -> None:
    """Where a marker cannot be written the upload must wait: nobody would notice if it ended the process."""
    faults.set(method="POST", path=f"/{world.quarantine}/", status=403)
    with pytest.raises(StorageUnavailable):
        of(world).begin_first(upload)


def test_markers_of_uploads_that_are_gone_are_removed_and_those_of_others_stay(
    world: World, upload: ObjectRef, tmp_path: Path
) -> None:
    world.put("gone.jpg", b"", tmp_path)
    gone = world.store.find(world.uploads, "gone.jpg").ref
    for ref in (upload, gone):
        of(world).begin_first(ref)
    world.store.delete(gone)
    of(world).remove_leftovers(now(), is_done=lambda _: False)
    assert (markers(world, upload), markers(world, gone)) == (["1"], ["1"]), "their writers may be at work still"
    of(world).remove_leftovers(now(TIMEOUT_S + 5), is_done=lambda _: False)
    assert (markers(world, upload), markers(world, gone)) == (["1"], [])
    of(world).remove_leftovers(now(TIMEOUT_S + 5), is_done=lambda ref: ref == upload)
    assert markers(world, upload) == []


def test_what_looks_like_a_marker_and_is_none_is_removed_as_a_leftover(world: World) -> None:
    world.store.write_once(world.quarantine, f"{FOLDER}{'0' * 64}/1", b"[]", "application/json")
    of(world).remove_leftovers(now(TIMEOUT_S + 5), is_done=lambda _: False)
    assert world.names_in(world.quarantine) == []


def test_an_upload_can_be_forgotten_by_its_id_and_again(world: World, upload: ObjectRef) -> None:
    for _ in range(2):
        of(world).begin_next(upload, now())
    for _ in range(2):
        forget(world.store, world.quarantine, ImageIds.of_object(upload).upload_id)
    assert markers(world, upload) == []


def test_the_last_attempt_decides_whether_somebody_may_be_at_work(
    world: World, upload: ObjectRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload that another sweep decodes right now is not given up because of an older attempt."""
    for _ in range(2):
        of(world).begin_next(upload, now())
    first = world.store.find(world.quarantine, f"{FOLDER}{ImageIds.of_object(upload).upload_id}/1")
    long_ago = ObjectRef(first.ref.bucket, first.ref.name, first.ref.generation - (TIMEOUT_S + 60) * 1_000_000)
    find = world.store.find

    def with_an_old_first(bucket: str, name: str) -> Upload:
        found = find(bucket, name)
        return replace(found, ref=long_ago) if found.ref == first.ref else found

    monkeypatch.setattr(world.store, "find", with_an_old_first)
    with pytest.raises(BeingTried):
        of(world).begin_next(upload, now(TIMEOUT_S - 60))
    with pytest.raises(TriedTooOften):
        of(world).begin_next(upload, now(TIMEOUT_S + 60))


def test_markers_that_vanish_meanwhile_mean_that_somebody_is_at_work(
    world: World, upload: ObjectRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        of(world).begin_next(upload, now())

    def gone(bucket: str, name: str) -> Upload:
        raise AlreadyDone(name)

    monkeypatch.setattr(world.store, "find", gone)
    with pytest.raises(BeingTried):
        of(world).begin_next(upload, now(TIMEOUT_S + 5))


def test_a_marker_of_a_generation_that_is_gone_is_a_leftover_though_a_newer_one_is_there(
    world: World, upload: ObjectRef
) -> None:
    of(world).begin_first(upload)
    world.overwrite(world.uploads, upload.name, b"newer")
    world.store.delete(upload)
    assert world.names_in(world.uploads) == [upload.name]
    of(world).remove_leftovers(now(TIMEOUT_S + 5), is_done=lambda _: False)
    assert markers(world, upload) == []


def test_since_when_an_upload_is_postponed_is_a_leftover_once_it_is_gone(world: World, upload: ObjectRef) -> None:
    assert of(world).first_postponed_at(upload)
    of(world).remove_leftovers(now(TIMEOUT_S + 5), is_done=lambda _: False)
    assert len(world.names_in(world.quarantine)) == 1
    world.store.delete(upload)
    of(world).remove_leftovers(now(TIMEOUT_S + 5), is_done=lambda _: False)
    assert world.names_in(world.quarantine) == []


def test_an_upload_that_cannot_be_noted_as_postponed_has_waited_for_nobody_knows_how_long(
    world: World, upload: ObjectRef, faults: FaultControl
) -> None:
    faults.set(method="POST", path=f"/{world.quarantine}/", status=403)
    assert of(world).first_postponed_at(upload) is None
