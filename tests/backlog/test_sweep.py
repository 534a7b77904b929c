"""The sweep, in memory and on the real object store and warehouse; kills are kills of real processes."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.backlog.attempts import FOLDER
from shared.backlog.selection import Backlog
from shared.backlog.summary import OUTCOMES
from shared.backlog.sweep import Sweep
from shared.errors import Busy
from shared.inference.classifier import Classifier
from shared.inference.registry import ModelRegistry
from shared.local.cloud import Cloud, folder_lock
from shared.pipeline.ids import ImageIds
from shared.types import ObjectRef, Upload
from shared.wiring import load_model
from tests.backlog.parts import (
    ROOT,
    attempts_of,
    before_each_read,
    eventually,
    faults_of,
    finished,
    markers,
    put,
    quarantined,
    stall,
    start_sweep,
    sweep_of,
)
from tests.emulators.fault_client import FaultControl
from tests.worlds import World

pytestmark = pytest.mark.in_memory_too
Picture = Callable[..., bytes]


@pytest.fixture
def faults(world: World) -> Iterator[FaultControl]:
    with faults_of(world) as faults:
        yield faults


def named(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(row["image"]["name"] if "image" in row else row["name"] for row in rows)


def marker(upload: ObjectRef, number: int) -> str:
    return f"{FOLDER}{ImageIds.of_object(upload).upload_id}/{number}"


def last_line(output: str) -> dict[str, Any]:
    """The summary that a sweep ends its log with."""
    line: dict[str, Any] = json.loads([line for line in output.splitlines() if line.startswith("{")][-1])
    return line


def test_what_waits_is_predicted_or_rejected_and_gone(world: World, picture: Picture, tmp_path: Path) -> None:
    put(world, tmp_path, **{"a.jpg": picture(1), "b.jpg": b"bread, butter", "c.jpg": picture(2)})
    summary = sweep_of(world).run(world.store.uploads(world.uploads))
    assert summary.outcomes == {"predicted": 2, "rejected": 1}
    assert summary.exit_code == 0
    assert named(world.rows("latest_predictions")) == ["a.jpg", "c.jpg"]
    assert named(world.rows("rejected_uploads")) == ["b.jpg"]
    assert (world.names_in(world.uploads), markers(world)) == ([], [])


def test_the_job_says_what_it_did_in_one_line_and_has_no_bar_in_its_log(
    world: World, picture: Picture, tmp_path: Path
) -> None:
    put(world, tmp_path, **{"a.jpg": picture(1), "b.jpg": b"bread"})
    code, output = finished(start_sweep(world))
    assert code == 0, output
    line = last_line(output)
    assert {name: line[name] for name in OUTCOMES} == dict.fromkeys(OUTCOMES, 0) | {"predicted": 1, "rejected": 1}
    assert line["seconds"] > 0
    assert line["images_per_s"] > 0
    assert line["oldest_upload_s"] > 0
    assert output.count('"outcome": "swept"') == 1
    assert "━" not in output


def test_the_age_of_the_oldest_upload_is_told_and_is_zero_where_nothing_waits(world: World) -> None:
    now = datetime.now(UTC)
    microseconds = [int((now - timedelta(seconds=age)).timestamp() * 1e6) for age in (7200, 86400, 60)]
    gone = [Upload(ObjectRef(world.uploads, f"{age}.jpg", age), 1, "image/jpeg") for age in microseconds]
    assert sweep_of(world).run(gone).oldest_upload_s == pytest.approx(86400, abs=60)
    assert sweep_of(world).run([]).oldest_upload_s == 0
    assert sweep_of(world, keep=True).run([]).oldest_upload_s is None


def test_a_file_that_kills_the_process_is_quarantined_at_the_third_attempt_and_no_other_is_blamed(
    world: World, picture: Picture, tmp_path: Path, faults: FaultControl
) -> None:
    names = ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"]
    refs = put(world, tmp_path, **{name: picture(index) for index, name in enumerate(names)})
    stall(faults, world, "b.jpg")
    beside = stall(faults, world, "d.jpg")
    first = start_sweep(world, THREADS="2")
    eventually(lambda: {marker(refs[name], 1) for name in ("b.jpg", "d.jpg")} <= set(markers(world)))
    first.kill()
    finished(first)

    faults.clear(beside)  # d.jpg is as good as the others, and was only in flight beside b.jpg
    second = start_sweep(world, THREADS="2")
    eventually(lambda: marker(refs["b.jpg"], 2) in markers(world))
    second.kill()
    finished(second)

    code, output = finished(start_sweep(world))
    assert (code, last_line(output)["postponed"]) == (1, 1), output
    assert "another sweep may be at it" in output
    assert named(world.rows("latest_predictions")) == ["a.jpg", "c.jpg", "d.jpg", "e.jpg"]

    summary = sweep_of(world, timeout_s=0).run(world.store.uploads(world.uploads))
    assert summary.outcomes == {"rejected": 1}
    [row] = world.rows("rejected_uploads")
    assert (row["name"], row["reason"]) == ("b.jpg", "tried_too_often")
    assert quarantined(world) == [ImageIds.of_object(refs["b.jpg"]).upload_id]
    assert (world.names_in(world.uploads), markers(world)) == ([], [])


def test_a_sweep_that_was_killed_goes_on_where_it_was(world: World, picture: Picture, tmp_path: Path) -> None:
    put(world, tmp_path, **{f"{index:02}.jpg": picture(index, (160, 120)) for index in range(30)})
    killed = start_sweep(world)
    eventually(lambda: len(world.names_in(world.uploads)) < 25)
    killed.kill()
    finished(killed)
    code, output = finished(start_sweep(world))
    assert code == 0, output
    assert len(world.rows("latest_predictions")) == 30
    assert (world.names_in(world.uploads), quarantined(world)) == ([], [])


def test_markers_that_a_kill_left_are_removed_once_their_upload_is_gone(
    world: World, picture: Picture, tmp_path: Path
) -> None:
    [ref] = put(world, tmp_path, **{"a.jpg": picture(1)}).values()
    attempts_of(world).begin_first(ref)
    world.store.delete(ref)
    sweep_of(world, timeout_s=0).run([])
    assert markers(world) == []


@pytest.mark.parametrize("of", ["uploads", "archive"])
def test_an_error_that_passes_leaves_no_marker_and_the_upload(
    world: World, picture: Picture, tmp_path: Path, faults: FaultControl, of: str
) -> None:
    put(world, tmp_path, **{"a.jpg": picture(1)})
    faults.set(path=f"load/storage/v1/b/{getattr(world, of)}/o", status=503)
    code, output = finished(start_sweep(world, STORAGE_DEADLINE_S="2"))
    assert (code, last_line(output)["postponed"]) == (1, 1), output
    assert (world.names_in(world.uploads), markers(world)) == (["a.jpg"], [])


def test_an_error_that_nobody_foresaw_counts_as_an_attempt_and_stops_no_other(
    world: World, picture: Picture, tmp_path: Path
) -> None:
    refs = put(world, tmp_path, **{"a.jpg": picture(1), "b.jpg": picture(2), "c.jpg": picture(3)})

    def fail(ref: ObjectRef) -> None:
        if ref == refs["b.jpg"]:
            raise ZeroDivisionError

    broken = before_each_read(world, fail)
    for _ in range(2):
        assert sweep_of(broken).run(world.store.uploads(world.uploads)).outcomes["postponed"] == 1
    assert sweep_of(broken, timeout_s=0).run(world.store.uploads(world.uploads)).outcomes == {"rejected": 1}
    assert named(world.rows("latest_predictions")) == ["a.jpg", "c.jpg"]


def test_a_listing_that_breaks_off_ends_the_sweep_in_order(
    world: World, picture: Picture, tmp_path: Path, faults: FaultControl
) -> None:
    put(world, tmp_path, **{"a.jpg": picture(1)})
    faults.set(method="GET", path=rf"/b/{world.uploads}/o\?", status=403)
    summary = sweep_of(world).run(world.store.uploads(world.uploads))
    assert (summary.is_cut_short, summary.exit_code) == (True, 1)


def test_two_sweeps_at_once_leave_one_row_each_and_no_false_quarantine(
    world: World, picture: Picture, tmp_path: Path
) -> None:
    put(world, tmp_path, **{f"{index:02}.jpg": picture(index, (160, 120)) for index in range(20)})
    sweeps = [start_sweep(world) for _ in range(2)]
    for sweep in sweeps:
        finished(sweep)
    assert finished(start_sweep(world))[0] == 0
    rows = world.rows("latest_predictions")
    assert (len(rows), len({row["upload_id"] for row in rows})) == (20, 20)
    assert world.rows("rejected_uploads") == []
    assert (world.names_in(world.uploads), markers(world), quarantined(world)) == ([], [], [])


def test_an_upload_that_another_sweep_is_at_is_no_crash_of_that_sweep(
    world: World, picture: Picture, tmp_path: Path
) -> None:
    [ref] = put(world, tmp_path, **{"a.jpg": picture(1)}).values()
    for _ in range(2):
        attempts_of(world).begin_next(ref, ref.created_at)
    summary = sweep_of(world).run(world.store.uploads(world.uploads))
    assert summary.outcomes == {"postponed": 1}
    assert world.rows("rejected_uploads") == []


def test_tasks_of_one_job_do_everything_once_together(world: World, picture: Picture, tmp_path: Path) -> None:
    put(world, tmp_path, **{f"{index:02}.jpg": picture(index, (160, 120)) for index in range(12)})
    tasks = [
        start_sweep(world, CLOUD_RUN_TASK_INDEX=str(index), CLOUD_RUN_TASK_COUNT="3", THREADS="1") for index in range(3)
    ]
    done = [last_line(finished(task)[1])["predicted"] for task in tasks]
    assert sum(done) == 12
    assert all(done), "one task had nothing to do: the shares are uneven"
    assert world.names_in(world.uploads) == []


def test_sigterm_gives_back_what_is_in_flight_and_leaves_the_rest(
    world: World, picture: Picture, tmp_path: Path, faults: FaultControl
) -> None:
    names = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    refs = put(world, tmp_path, **{name: picture(index) for index, name in enumerate(names)})
    for name in ("b.jpg", "c.jpg"):
        stall(faults, world, name)
    sweep = start_sweep(world, THREADS="2", STORAGE_DEADLINE_S="60")
    eventually(lambda: set(markers(world)) == {marker(refs[name], 1) for name in ("b.jpg", "c.jpg")})
    sweep.send_signal(signal.SIGTERM)
    code, output = finished(sweep)
    assert code == 1, output
    line = last_line(output)
    assert (line["outcome"], line["predicted"], line["cut_short"]) == ("swept", 1, True)
    assert (markers(world), world.names_in(world.uploads)) == ([], ["b.jpg", "c.jpg", "d.jpg"])


def test_sigterm_finishes_what_is_in_flight_and_can_be_finished(world: World, picture: Picture, tmp_path: Path) -> None:
    count = 40
    put(world, tmp_path, **{f"{index:02}.jpg": picture(index, (160, 120)) for index in range(count)})
    sweep = start_sweep(world)
    eventually(lambda: len(world.names_in(world.uploads)) < count - 5)
    sweep.send_signal(signal.SIGTERM)
    code, output = finished(sweep)
    line, left = last_line(output), len(world.names_in(world.uploads))
    assert line["predicted"] == count - left
    assert code == (1 if left else 0)
    assert (markers(world), len(world.rows("latest_predictions"))) == ([], count - left)


def test_a_picture_for_which_there_is_no_room_is_taken_when_the_others_are_done(
    world: World, picture: Picture, tmp_path: Path
) -> None:
    refs = put(world, tmp_path, **{"a.jpg": picture(1), "b.jpg": picture(2)})
    turned_away: list[ObjectRef] = []

    def turn_away_once(ref: ObjectRef) -> None:
        if ref == refs["a.jpg"] and not turned_away:
            turned_away.append(ref)
            raise Busy

    sweep = sweep_of(before_each_read(world, turn_away_once))
    assert sweep.run(world.store.uploads(world.uploads)).outcomes == {"predicted": 2}
    assert turned_away


@pytest.fixture
def album(world: World, picture: Picture, tmp_path: Path) -> str:
    """A bucket that is not ours to empty: three pictures and a list."""
    bucket = f"album-{world.uploads}"
    world.store.create_bucket(bucket)
    elsewhere = replace(world, uploads=bucket)
    contents = {f"2024/{name}.jpg": picture(seed) for seed, name in enumerate("abc")} | {"list.csv": b"a,b,c"}
    put(elsewhere, tmp_path, **contents)
    return bucket


def test_keep_deletes_nothing_and_a_second_run_skips_everything(world: World, album: str) -> None:
    before = list(world.store.uploads(album))
    first, second = (
        last_line(finished(start_sweep(world, "--bucket", f"gs://{album}", "--keep"))[1]) for _ in range(2)
    )
    assert (first["predicted"], first["rejected"], first["skipped"]) == (3, 1, 0)
    assert (second["predicted"], second["rejected"], second["skipped"]) == (0, 0, 4)
    assert "oldest_upload_s" not in first, "pictures that stay are as old as they are"
    assert list(world.store.uploads(album)) == before
    elsewhere = replace(world, uploads=album)
    assert {row["call"]["source"] for row in elsewhere.rows("latest_predictions")} == {"backlog"}
    assert named(elsewhere.rows("rejected_uploads")) == ["list.csv"]
    assert quarantined(world) == [ImageIds.of_object(before[-1].ref).upload_id]
    assert len(world.names_in(world.archive)) == 3
    assert markers(world) == []


def test_keep_takes_what_is_new_and_what_was_overwritten(
    world: World, album: str, picture: Picture, tmp_path: Path
) -> None:
    whole = {"keep": True}
    sweep_of(world, **whole).run(world.store.uploads(album, "2024/"))
    world.store.delete(world.store.find(album, "2024/a.jpg").ref)
    put(replace(world, uploads=album), tmp_path, **{"2024/a.jpg": picture(7), "2024/d.jpg": picture(8)})
    summary = sweep_of(world, **whole).run(world.store.uploads(album, "2024/"))
    assert summary.outcomes == {"predicted": 2, "skipped": 2}


def test_another_model_is_no_reason_to_skip(world: World, album: str) -> None:
    sweep_of(world, keep=True).run(world.store.uploads(album, "2024/"))
    bundle = world.pipeline.models.get_model().bundle
    other = Classifier(replace(bundle, digest="0" * 64), load_model(bundle, threads=1))
    newer = replace(world, pipeline=replace(world.pipeline, models=ModelRegistry.of([other])))
    summary = sweep_of(newer, keep=True).run(world.store.uploads(album, "2024/"))
    assert summary.outcomes == {"predicted": 3}


def test_a_kill_between_the_row_and_the_end_is_mended_by_the_next_sweep_that_keeps(world: World, album: str) -> None:
    ref = world.store.find(album, "2024/a.jpg").ref
    sweep_of(world, keep=True).run(world.store.uploads(album, "2024/"))
    attempts_of(world).begin_first(ref)
    sweep_of(world, timeout_s=0, keep=True).run(world.store.uploads(album, "2024/"))
    assert markers(world) == []


def test_what_was_given_up_in_a_bucket_that_is_kept_is_not_tried_again(world: World, album: str) -> None:
    ref = world.store.find(album, "2024/a.jpg").ref
    for _ in range(2):
        attempts_of(world).begin_next(ref, ref.created_at)
    rounds = [sweep_of(world, timeout_s=0, keep=True).run(world.store.uploads(album, "2024/a")) for _ in range(2)]
    assert [summary.outcomes for summary in rounds] == [{"rejected": 1}, {"skipped": 1}]
    assert world.store.find(album, "2024/a.jpg").ref == ref


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--bucket", "gs://somebody-elses"), "add --keep"),
        (("--bucket", "{archive}", "--keep"), "is the archive"),
        (("--bucket", "{quarantine}", "--keep"), "is the quarantine"),
        (("--bucket", "gs://a-bucket/with/a/folder", "--keep"), "--prefix"),
        (("--bucket", "gs://there-is-no-such-bucket", "--keep"), "There is no bucket gs://there-is-no-such-bucket"),
    ],
)
def test_a_job_that_cannot_be_carried_out_as_typed_says_why(
    world: World, arguments: tuple[str, ...], complaint: str
) -> None:
    typed = [each.format(archive=world.archive, quarantine=world.quarantine) for each in arguments]
    code, output = finished(start_sweep(world, *typed))
    assert code == 2
    assert complaint in output
    assert "Traceback" not in output


def test_a_job_whose_settings_are_wrong_names_them(world: World) -> None:
    code, output = finished(start_sweep(world, ATTEMPT_TIMEOUT_S="10"))
    assert code == 2
    assert "ATTEMPT_TIMEOUT_S is '10', expected more than 100" in output


def test_a_sweep_takes_only_what_its_backlog_lists(world: World, picture: Picture, tmp_path: Path) -> None:
    put(world, tmp_path, **{"a/1.jpg": picture(1), "b/1.jpg": picture(2)})
    backlog = Backlog(world.uploads, prefix="b/")
    sweep: Sweep = sweep_of(world)
    assert sweep.run(backlog.uploads(world.store)).outcomes == {"predicted": 1}
    assert world.names_in(world.uploads) == ["a/1.jpg"]


@contextmanager
def terminal() -> Iterator[tuple[int, Callable[[], str]]]:
    """Give a terminal's own end for a process, and what reads all that was written to it once that has ended."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (40, 100))

    def read_all() -> str:
        os.close(its)
        chunks = []
        with contextlib.suppress(OSError):  # on Linux the end of a terminal is an error
            while chunk := os.read(ours, 65536):
                chunks.append(chunk)
        return b"".join(chunks).decode()

    try:
        yield its, read_all
    finally:
        os.close(ours)


def test_on_a_terminal_the_command_shows_a_bar_and_then_a_table(
    cloud: Cloud, world: World, picture: Picture, tmp_path: Path
) -> None:
    album = f"album-{world.uploads}"
    world.store.create_bucket(album)
    put(replace(world, uploads=album), tmp_path, **{"a.jpg": picture(40), "b.jpg": b"bread"})
    folder = tmp_path / "cloud"
    folder.mkdir()
    replace(cloud, folder=folder).save()
    command = [sys.executable, "-m", "shared.cli", "sweep", "--folder", str(folder), "--bucket", album, "--keep"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm"}
    with folder_lock(folder), terminal() as (its, read_all):
        done = subprocess.run(command, stdin=its, stdout=its, stderr=its, env=environment, timeout=60, check=False)
        shown = read_all()
    assert done.returncode == 0, shown
    assert "Sweeping" in shown
    assert re.search(r"predicted\W+1\b", shown)
    assert re.search(r"rejected\W+1\b", shown)
    assert "not_an_image" in shown
    assert '"outcome"' not in shown
