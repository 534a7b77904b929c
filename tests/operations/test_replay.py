"""Replay: quarantined files go back, in memory and on the real parts; the command line on the real ones."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from shared.backlog.attempts import Attempts
from shared.cli import main
from shared.local.cloud import UPLOAD_BUCKET, Cloud, folder_lock
from shared.operations.replay import Fate, Rejected, Selection, put_back, rejected, replay
from shared.pipeline.ids import ImageIds
from shared.pipeline.record import failure_row
from shared.types import Call, Failure, ObjectRef, Source
from tests.backlog.parts import eventually, faults_of, markers, quarantined
from tests.memory.faults import Faulty, Killed
from tests.worlds import World

pytestmark = pytest.mark.in_memory_too

Picture = Callable[..., bytes]
Reject = Callable[..., Failure]


@pytest.fixture
def reject(world: World, tmp_path: Path) -> Reject:
    """Uploads what is no image, and lets the pipeline reject it."""

    def reject_it(name: str, content: bytes = b"bread, butter") -> Failure:
        world.put(name, content, tmp_path)
        outcome = world.pipeline.process_upload(
            world.store.find(world.uploads, name), Call(Source.EVENT, datetime.now(UTC))
        )
        assert isinstance(outcome, Failure)
        return outcome

    return reject_it


def selected(world: World, **selection: Any) -> list[Rejected]:
    return list(rejected(world.warehouse, Selection(world.uploads, **selection)))


def names(files: list[Rejected]) -> list[str]:
    return [file.name for file in files]


def fates(world: World, files: list[Rejected], **options: Any) -> dict[str, Fate]:
    return {file.name: fate for file, fate in replay(world.store, files, world.uploads, **options)}


def ref_of(failure: Failure) -> ObjectRef:
    image = failure.image
    assert image.bucket
    assert image.name
    assert image.generation
    return ObjectRef(image.bucket, image.name, image.generation)


def content_of(world: World, name: str) -> bytes:
    return world.store.read(world.store.find(world.uploads, name).ref, 100_000)


def test_replay_puts_a_file_back_under_its_name_and_out_of_quarantine(world: World, reject: Reject) -> None:
    old = reject("holiday/ä list.jpg", b"bread, cheese")
    [file] = selected(world)
    assert put_back(world.store, file, world.uploads) is Fate.PUT_BACK
    assert content_of(world, "holiday/ä list.jpg") == b"bread, cheese"
    assert world.store.find(world.uploads, "holiday/ä list.jpg").ref != ref_of(old)
    assert world.names_in(world.quarantine) == []


def test_replay_of_a_file_that_is_rejected_again_is_another_failure(world: World, reject: Reject) -> None:
    first = reject("list.jpg")
    assert fates(world, selected(world)) == {"list.jpg": Fate.PUT_BACK}
    upload = world.store.find(world.uploads, "list.jpg")
    world.pipeline.process_upload(upload, Call(Source.EVENT, datetime.now(UTC)))
    second_id = ImageIds.of_object(upload.ref).upload_id
    assert {row["failure_id"] for row in world.rows("rejected_uploads")} == {first.failure_id, second_id}
    assert quarantined(world) == [second_id]


def test_replay_does_not_overwrite_a_waiting_upload(
    world: World, reject: Reject, picture: Picture, tmp_path: Path
) -> None:
    reject("list.jpg")
    world.put("list.jpg", picture(1), tmp_path)
    [file] = selected(world)
    for _ in range(2):
        assert put_back(world.store, file, world.uploads) is Fate.TAKEN
    assert (content_of(world, "list.jpg"), len(quarantined(world))) == (picture(1), 1)


def test_replay_does_nothing_for_a_file_that_was_put_back_before(world: World, reject: Reject) -> None:
    reject("list.jpg")
    files = selected(world)
    assert fates(world, files) == {"list.jpg": Fate.PUT_BACK}
    world.store.delete(world.store.find(world.uploads, "list.jpg").ref)
    assert fates(world, files) == {"list.jpg": Fate.GONE}
    assert world.names_in(world.uploads) == []


def test_replay_counts_a_row_that_was_written_twice_once(world: World, reject: Reject) -> None:
    failure = reject("list.jpg")
    world.warehouse.append_row("failures", "another-insert-id", failure_row(failure, datetime.now(UTC)))
    sql = "SELECT failure_id FROM failures WHERE image.bucket IN UNNEST(@buckets)"
    assert len(world.warehouse.query(sql, buckets=[world.uploads]).rows) == 2
    assert names(selected(world)) == ["list.jpg"]


def test_replay_selects_files_by_reason_name_and_age(world: World, reject: Reject, picture: Picture) -> None:
    before = datetime.now(UTC)
    reject("holiday/2024/list.jpg")
    reject("holiday/cut.jpg", picture(1)[:2000])
    between = datetime.now(UTC)
    reject("garden/[1].jpg")
    assert names(selected(world)) == ["holiday/2024/list.jpg", "holiday/cut.jpg", "garden/[1].jpg"]
    assert names(selected(world, name="holiday/*")) == ["holiday/2024/list.jpg", "holiday/cut.jpg"]
    assert names(selected(world, name="*.JPG")) == []
    assert names(selected(world, reasons=("damaged_image",))) == ["holiday/cut.jpg"]
    assert len(selected(world, reasons=("damaged_image", "not_an_image"))) == 3
    assert names(selected(world, before=between, reasons=("not_an_image",))) == ["holiday/2024/list.jpg"]
    assert names(selected(world, after=between)) == ["garden/[1].jpg"]
    assert selected(world, before=before) == []


def test_replay_selects_files_of_another_bucket_only_by_its_name(world: World, reject: Reject) -> None:
    reject("list.jpg")
    assert list(rejected(world.warehouse, Selection("another-bucket"))) == []


def test_replay_limit_counts_only_files_that_are_put_back(world: World, reject: Reject) -> None:
    for index in range(5):
        reject(f"{index}.jpg")
    files = selected(world)
    assert fates(world, files, limit=2) == {"0.jpg": Fate.PUT_BACK, "1.jpg": Fate.PUT_BACK}
    again = fates(world, files, limit=2)
    assert [name for name, fate in again.items() if fate is Fate.PUT_BACK] == ["2.jpg", "3.jpg"]
    assert len(quarantined(world)) == 1


def test_replay_dry_run_changes_nothing(world: World, reject: Reject, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        reject(name)
    world.put("b.jpg", b"waits", tmp_path)
    world.store.delete(world.store.find(world.quarantine, selected(world)[2].failure_id).ref)
    outcomes = fates(world, selected(world), dry_run=True)
    assert outcomes == {"a.jpg": Fate.PUT_BACK, "b.jpg": Fate.TAKEN, "c.jpg": Fate.GONE}
    assert (world.names_in(world.uploads), len(quarantined(world))) == (["b.jpg"], 2)


def test_replay_ignores_the_name_of_a_file_that_is_gone(world: World, reject: Reject) -> None:
    reject("list.jpg")
    world.store.delete(world.store.find(world.quarantine, selected(world)[0].failure_id).ref)
    reject("list.jpg")
    outcomes = [fate for _, fate in replay(world.store, selected(world), world.uploads, dry_run=True)]
    assert outcomes == [Fate.GONE, Fate.PUT_BACK]


def test_replay_puts_back_only_the_first_of_two_files_of_a_name(world: World, reject: Reject) -> None:
    for content in (b"bread", b"butter"):
        reject("list.jpg", content)
    files = selected(world)
    assert [fate for _, fate in replay(world.store, files, world.uploads, dry_run=True)].count(Fate.PUT_BACK) == 1
    assert sorted(fate for _, fate in replay(world.store, files, world.uploads)) == [Fate.PUT_BACK, Fate.TAKEN]
    [left] = quarantined(world)
    contents = {content_of(world, "list.jpg"), world.store.read(world.store.find(world.quarantine, left).ref, 100)}
    assert contents == {b"bread", b"butter"}


def test_replay_keeps_a_copy_with_keep_quarantined(world: World, reject: Reject) -> None:
    reject("list.jpg")
    assert fates(world, selected(world), keep_quarantined=True) == {"list.jpg": Fate.PUT_BACK}
    assert (world.names_in(world.uploads), len(quarantined(world))) == (["list.jpg"], 1)


def test_replay_deletes_the_attempt_markers_of_the_old_generation(world: World, reject: Reject) -> None:
    old = reject("list.jpg")
    for _ in range(2):
        Attempts(world.store, world.quarantine, 300, {}).begin_next(ref_of(old), datetime.now(UTC))
    assert len(markers(world)) == 2
    fates(world, selected(world))
    assert world.names_in(world.quarantine) == []


@pytest.mark.parametrize("step", ["copy_once", "delete"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_replay_recovers_from_a_kill_at_any_step_when_repeated(
    world: World, reject: Reject, step: str, moment: str
) -> None:
    reject("list.jpg", b"bread, cheese")
    [file] = selected(world)
    kill: dict[str, Any] = {moment: Killed()}
    killing = Faulty(world.store, at=step, **kill)
    with pytest.raises(Killed):
        put_back(killing, file, world.uploads)
    is_waiting, is_resting = "list.jpg" in world.names_in(world.uploads), bool(quarantined(world))
    assert is_waiting or is_resting
    if is_waiting:
        assert content_of(world, "list.jpg") == b"bread, cheese"
    put_back(world.store, file, world.uploads)
    assert content_of(world, "list.jpg") == b"bread, cheese"
    world.store.delete(world.store.find(world.uploads, "list.jpg").ref)  # its event came
    put_back(world.store, file, world.uploads)
    assert quarantined(world) == []


def test_replay_can_change_the_model_of_files(world: World, reject: Reject) -> None:
    reject("list.jpg", b"bread, cheese")
    before = world.store.find(world.quarantine, quarantined(world)[0])
    assert fates(world, selected(world), model="ponies") == {"list.jpg": Fate.PUT_BACK}
    replayed = world.store.find(world.uploads, "list.jpg")
    assert (replayed.model, replayed.content_type, content_of(world, "list.jpg")) == (
        "ponies",
        before.content_type,
        b"bread, cheese",
    )


@pytest.fixture
def bucketlens(cloud: Cloud, tmp_path: Path) -> Iterator[Callable[..., Result]]:
    """The command line, as it is typed where a cloud runs."""
    folder = tmp_path / "cloud"
    folder.mkdir()
    replace(cloud, folder=folder).save()
    with folder_lock(folder):  # as the process does that runs a cloud in a folder
        yield lambda *typed: CliRunner().invoke(main, [*typed, "--folder", str(folder)], env={"COLUMNS": "200"})


def test_replay_command_puts_a_file_back_that_its_event_then_processes(
    cloud: Cloud, world: World, bucketlens: Callable[..., Result], tmp_path: Path
) -> None:
    name = f"{uuid.uuid4().hex}.jpg"
    (tmp_path / name).write_bytes(b"bread, butter")
    assert world.store.upload(UPLOAD_BUCKET, name, tmp_path / name)
    sql = "SELECT failure_id FROM rejected_uploads WHERE name IN UNNEST(@names)"

    def failures() -> int:
        return len(world.warehouse.query(sql, names=[name]).rows)

    eventually(lambda: failures() == 1)
    chosen = ("replay", "--name", f"{name[:20]}*", "--reason", "not_an_image", "--newer-than", "1h")
    listed = bucketlens(*chosen, "--dry-run")
    assert (listed.exit_code, name in listed.stdout, "put back" in listed.stdout) == (0, True, True)
    assert failures() == 1
    done = bucketlens(*chosen)
    assert done.exit_code == 0, done.output
    assert [line.split("│")[1:3] for line in done.stdout.splitlines() if "put back" in line] == [
        [" put back ", "     1 "]
    ]
    eventually(lambda: failures() == 2)


def test_replay_command_reports_files_that_it_left_and_exits_with_1(
    world: World, reject: Reject, bucketlens: Callable[..., Result], tmp_path: Path
) -> None:
    reject("list.jpg")
    world.put("list.jpg", b"waits", tmp_path)
    done = bucketlens("replay", "--bucket", f"gs://{world.uploads}")
    assert done.exit_code == 1
    assert "list.jpg already waits in the upload bucket; left in quarantine" in done.stderr
    assert "the name is taken" in done.stdout


def test_replay_puts_files_of_another_bucket_into_the_upload_bucket(
    world: World, reject: Reject, bucketlens: Callable[..., Result]
) -> None:
    reject("list.jpg")
    target = f"other-{world.uploads}"
    world.store.create_bucket(target)
    done = bucketlens("replay", "--bucket", target, "--from", f"gs://{world.uploads}")
    assert done.exit_code == 0, done.output
    assert world.names_in(target) == ["list.jpg"]


@pytest.mark.parametrize(
    ("age", "is_meant"),
    [("1h", True), ("2000-01-01", True), ("2000-01-01T10:00+02:00", True), ("0s", False), ("2999-12-31", False)],
)
def test_replay_age_is_a_duration_or_a_date(
    world: World, reject: Reject, bucketlens: Callable[..., Result], age: str, is_meant: bool
) -> None:
    reject("list.jpg")
    for option, is_expected in (("--newer-than", is_meant), ("--older-than", not is_meant)):
        done = bucketlens("replay", "--bucket", world.uploads, option, age, "--dry-run")
        assert done.exit_code == 0, done.output
        assert ("list.jpg" in done.stdout) is is_expected


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        (("--project", "my-project"), "--project needs --bucket"),
        (("--older-than", "soon"), "'soon' is neither an age"),
        (("--older-than", "999999w"), "neither an age"),
        (("--reason", "ugly"), "tried_too_often"),
        (("--limit", "0"), "x>=1"),
    ],
)
def test_replay_reports_bad_arguments(
    bucketlens: Callable[..., Result], typed: tuple[str, ...], complaint: str
) -> None:
    done = bucketlens("replay", *typed)
    assert done.exit_code == 2
    assert complaint in done.stderr


def test_replay_exits_with_1_if_the_store_is_unavailable(
    world: World, reject: Reject, bucketlens: Callable[..., Result]
) -> None:
    reject("list.jpg")
    with faults_of(world) as faults:
        faults.set(path=f"/b/{world.quarantine}/o", status=403)
        done = bucketlens("replay", "--bucket", world.uploads)
    assert done.exit_code == 1
    assert "looking for" in done.stderr
    assert len(quarantined(world)) == 1


def test_replay_selection_includes_after_and_excludes_before() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert Selection("b", after=moment).takes("a", "not_an_image", moment)
    assert not Selection("b", before=moment).takes("a", "not_an_image", moment)


def test_replay_puts_a_file_back_once_after_a_lost_answer(world: World, reject: Reject) -> None:
    reject("list.jpg")
    [file] = selected(world)
    with faults_of(world) as faults:
        faults.set(method="POST", path=f"/{world.quarantine}/o/.*/rewriteTo/", kind="reset", after=True, count=1)
        assert put_back(world.store, file, world.uploads) is Fate.PUT_BACK
    assert world.names_in(world.uploads) == ["list.jpg"]
    assert world.names_in(world.quarantine) == []


def test_replay_reports_and_leaves_files_that_were_set_aside(world: World, reject: Reject) -> None:
    failure = reject("key.jpg")
    aside = replace(failure, failure_id="f" * 64, quarantine_uri=None)
    world.warehouse.append(aside)
    outcomes = {
        file.failure_id: fate for file, fate in replay(world.store, selected(world), world.uploads, dry_run=True)
    }
    assert outcomes == {failure.failure_id: Fate.PUT_BACK, "f" * 64: Fate.SET_ASIDE}
    outcomes = {file.failure_id: fate for file, fate in replay(world.store, selected(world), world.uploads)}
    assert outcomes["f" * 64] is Fate.SET_ASIDE
