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
    """Return the summary at the end of a sweep's log."""
    line: dict[str, Any] = json.loads([line for line in output.splitlines() if line.startswith("{")][-1])
    return line


def test_sweep_predicts_or_rejects_every_upload_and_deletes_it(world: World, picture: Picture, tmp_path: Path) -> None:
    put(world, tmp_path, **{"a.jpg": picture(1), "b.jpg": b"bread, butter", "c.jpg": picture(2)})
    summary = sweep_of(world).run(world.store.uploads(world.uploads))
    assert summary.outcomes == {"predicted": 2, "rejected": 1}
    assert summary.exit_code == 0
    assert named(world.rows("latest_predictions")) == ["a.jpg", "c.jpg"]
    assert named(world.rows("rejected_uploads")) == ["b.jpg"]
    assert (world.names_in(world.uploads), markers(world)) == ([], [])


def test_sweep_job_logs_its_summary_in_one_line_and_no_progress_bar(
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


def test_sweep_reports_the_age_of_the_oldest_upload_or_zero(world: World) -> None:
    now = datetime.now(UTC)
    microseconds = [int((now - timedelta(seconds=age)).timestamp() * 1e6) for age in (7200, 86400, 60)]
    gone = [Upload(ObjectRef(world.uploads, f"{age}.jpg", age), 1, "image/jpeg") for age in microseconds]
    assert sweep_of(world).run(gone).oldest_upload_s == pytest.approx(86400, abs=60)
    assert sweep_of(world).run([]).oldest_upload_s == 0
    assert sweep_of(world, keep=True).run([]).oldest_upload_s is None


def test_sweep_quarantines_a_deadly_file_at_the_third_attempt(
    world: World, picture: Picture, tmp_path: Path, faults: FaultControl
) -> None:
    names = ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"]
    refs = put(world, tmp_path, **{name: picture(index) for index, name in enumerate(names)})
    stall(faults, world, "b.jpg")
    second_stall = stall(faults, world, "d.jpg")
    first = start_sweep(world, THREADS="2")
    eventually(lambda: {marker(refs[name], 1) for name in ("b.jpg", "d.jpg")} <= set(markers(world)))
    first.kill()
    finished(first)

    faults.clear(second_stall)  # d.jpg is harmless: it was only in flight together with b.jpg
    second = start_sweep(world, THREADS="2")
    eventually(lambda: marker(refs["b.jpg"], 2) in markers(world))
    second.kill()
    finished(second)

    code, output = finished(start_sweep(world))
    assert (code, last_line(output)["postponed"]) == (1, 1), output
    assert "another sweep may still run it" in output
    assert named(world.rows("latest_predictions")) == ["a.jpg", "c.jpg", "d.jpg", "e.jpg"]

    summary = sweep_of(world, timeout_s=0).run(world.store.uploads(world.uploads))
    assert summary.outcomes == {"rejected": 1}
    [row] = world.rows("rejected_uploads")
    assert (row["name"], row["reason"]) == ("b.jpg", "tried_too_often")
    assert quarantined(world) == [ImageIds.of_object(refs["b.jpg"]).upload_id]
    assert (world.names_in(world.uploads), markers(world)) == ([], [])


def test_sweep_finishes_the_backlog_of_a_killed_sweep(world: World, picture: Picture, tmp_path: Path) -> None:
    put(world, tmp_path, **{f"{index:02}.jpg": picture(index, (160, 120)) for index in range(30)})
    killed = start_sweep(world)
    eventually(lambda: len(world.names_in(world.uploads)) < 25)
    killed.kill()
    finished(killed)
    code, output = finished(start_sweep(world))
    assert code == 0, output
    assert len(world.rows("latest_predictions")) == 30
    assert (world.names_in(world.uploads), quarantined(world)) == ([], [])


def test_sweep_deletes_markers_of_uploads_that_are_gone(world: World, picture: Picture, tmp_path: Path) -> None:
    [ref] = put(world, tmp_path, **{"a.jpg": picture(1)}).values()
    attempts_of(world).begin_first(ref)
    world.store.delete(ref)
    sweep_of(world, timeout_s=0).run([])
    assert markers(world) == []


@pytest.mark.parametrize("of", ["uploads", "archive"])
def test_sweep_postpones_after_a_transient_error_without_a_marker(
    world: World, picture: Picture, tmp_path: Path, faults: FaultControl, of: str
) -> None:
    put(world, tmp_path, **{"a.jpg": picture(1)})
    faults.set(path=f"load/storage/v1/b/{getattr(world, of)}/o", status=503)
    code, output = finished(start_sweep(world, STORAGE_DEADLINE_S="2"))
    assert (code, last_line(output)["postponed"]) == (1, 1), output
    assert (world.names_in(world.uploads), markers(world)) == (["a.jpg"], [])


def test_sweep_counts_an_unexpected_error_as_an_attempt_and_continues(
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


def test_sweep_stops_early_when_the_listing_fails(
    world: World, picture: Picture, tmp_path: Path, faults: FaultControl
) -> None:
    put(world, tmp_path, **{"a.jpg": picture(1)})
    faults.set(method="GET", path=rf"/b/{world.uploads}/o\?", status=403)
    summary = sweep_of(world).run(world.store.uploads(world.uploads))
    assert (summary.is_cut_short, summary.exit_code) == (True, 1)


def test_sweeps_in_parallel_leave_one_row_for_each_upload(world: World, picture: Picture, tmp_path: Path) -> None:
    put(world, tmp_path, **{f"{index:02}.jpg": picture(index, (160, 120)) for index in range(20)})
    sweeps = [start_sweep(world) for _ in range(2)]
    for sweep in sweeps:
        finished(sweep)
    assert finished(start_sweep(world))[0] == 0
    rows = world.rows("latest_predictions")
    assert (len(rows), len({row["upload_id"] for row in rows})) == (20, 20)
    assert world.rows("rejected_uploads") == []
    assert (world.names_in(world.uploads), markers(world), quarantined(world)) == ([], [], [])


def test_sweep_postpones_an_upload_that_another_sweep_processes(world: World, picture: Picture, tmp_path: Path) -> None:
    [ref] = put(world, tmp_path, **{"a.jpg": picture(1)}).values()
    for _ in range(2):
        attempts_of(world).begin_next(ref, ref.created_at)
    summary = sweep_of(world).run(world.store.uploads(world.uploads))
    assert summary.outcomes == {"postponed": 1}
    assert world.rows("rejected_uploads") == []


def test_sweep_tasks_of_a_job_process_each_upload_once(world: World, picture: Picture, tmp_path: Path) -> None:
    put(world, tmp_path, **{f"{index:02}.jpg": picture(index, (160, 120)) for index in range(12)})
    tasks = [
        start_sweep(world, CLOUD_RUN_TASK_INDEX=str(index), CLOUD_RUN_TASK_COUNT="3", THREADS="1") for index in range(3)
    ]
    done = [last_line(finished(task)[1])["predicted"] for task in tasks]
    assert sum(done) == 12
    assert all(done), "a task had nothing to do: the shares are uneven"
    assert world.names_in(world.uploads) == []


def test_sweep_withdraws_stalled_attempts_on_sigterm(
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


def test_sweep_finishes_uploads_in_flight_on_sigterm(world: World, picture: Picture, tmp_path: Path) -> None:
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


def test_sweep_retries_a_picture_without_memory_after_the_others(
    world: World, picture: Picture, tmp_path: Path
) -> None:
    refs = put(world, tmp_path, **{"a.jpg": picture(1), "b.jpg": picture(2)})
    refused: list[ObjectRef] = []

    def refuse_once(ref: ObjectRef) -> None:
        if ref == refs["a.jpg"] and not refused:
            refused.append(ref)
            raise Busy

    sweep = sweep_of(before_each_read(world, refuse_once))
    assert sweep.run(world.store.uploads(world.uploads)).outcomes == {"predicted": 2}
    assert refused


@pytest.fixture
def album(world: World, picture: Picture, tmp_path: Path) -> str:
    """Provide a bucket of another owner with three pictures and a list."""
    bucket = f"album-{world.uploads}"
    world.store.create_bucket(bucket)
    elsewhere = replace(world, uploads=bucket)
    contents = {f"2024/{name}.jpg": picture(seed) for seed, name in enumerate("abc")} | {"list.csv": b"a,b,c"}
    put(elsewhere, tmp_path, **contents)
    return bucket


def test_sweep_with_keep_deletes_nothing_and_a_second_one_skips_everything(world: World, album: str) -> None:
    before = list(world.store.uploads(album))
    first, second = (
        last_line(finished(start_sweep(world, "--bucket", f"gs://{album}", "--keep"))[1]) for _ in range(2)
    )
    assert (first["predicted"], first["rejected"], first["skipped"]) == (3, 1, 0)
    assert (second["predicted"], second["rejected"], second["skipped"]) == (0, 0, 4)
    assert "oldest_upload_s" not in first, "with --keep the age of the oldest upload is not measured"
    assert list(world.store.uploads(album)) == before
    elsewhere = replace(world, uploads=album)
    assert {row["call"]["source"] for row in elsewhere.rows("latest_predictions")} == {"backlog"}
    assert named(elsewhere.rows("rejected_uploads")) == ["list.csv"]
    assert quarantined(world) == [ImageIds.of_object(before[-1].ref).upload_id]
    assert len(world.names_in(world.archive)) == 3
    assert markers(world) == []


def test_sweep_with_keep_processes_new_and_overwritten_uploads(
    world: World, album: str, picture: Picture, tmp_path: Path
) -> None:
    whole = {"keep": True}
    sweep_of(world, **whole).run(world.store.uploads(album, "2024/"))
    world.store.delete(world.store.find(album, "2024/a.jpg").ref)
    put(replace(world, uploads=album), tmp_path, **{"2024/a.jpg": picture(7), "2024/d.jpg": picture(8)})
    summary = sweep_of(world, **whole).run(world.store.uploads(album, "2024/"))
    assert summary.outcomes == {"predicted": 2, "skipped": 2}


def test_sweep_with_keep_processes_uploads_again_for_another_model(world: World, album: str) -> None:
    sweep_of(world, keep=True).run(world.store.uploads(album, "2024/"))
    bundle = world.pipeline.models.get_model().bundle
    other = Classifier(replace(bundle, digest="0" * 64), load_model(bundle, threads=1))
    newer = replace(world, pipeline=replace(world.pipeline, models=ModelRegistry.of([other])))
    summary = sweep_of(newer, keep=True).run(world.store.uploads(album, "2024/"))
    assert summary.outcomes == {"predicted": 3}


def test_sweep_with_keep_deletes_the_markers_of_recorded_uploads(world: World, album: str) -> None:
    ref = world.store.find(album, "2024/a.jpg").ref
    sweep_of(world, keep=True).run(world.store.uploads(album, "2024/"))
    attempts_of(world).begin_first(ref)
    sweep_of(world, timeout_s=0, keep=True).run(world.store.uploads(album, "2024/"))
    assert markers(world) == []


def test_sweep_with_keep_skips_uploads_that_were_given_up(world: World, album: str) -> None:
    ref = world.store.find(album, "2024/a.jpg").ref
    for _ in range(2):
        attempts_of(world).begin_next(ref, ref.created_at)
    rounds = [sweep_of(world, timeout_s=0, keep=True).run(world.store.uploads(album, "2024/a")) for _ in range(2)]
    assert [summary.outcomes for summary in rounds] == [{"rejected": 1}, {"skipped": 1}]
    assert world.store.find(album, "2024/a.jpg").ref == ref


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--bucket", "gs://another-bucket"), "add --keep"),
        (("--bucket", "{archive}", "--keep"), "is the archive"),
        (("--bucket", "{quarantine}", "--keep"), "is the quarantine"),
        (("--bucket", "gs://a-bucket/with/a/folder", "--keep"), "--prefix"),
        (("--bucket", "gs://there-is-no-such-bucket", "--keep"), "There is no bucket gs://there-is-no-such-bucket"),
    ],
)
def test_sweep_job_with_bad_arguments_reports_the_reason(
    world: World, arguments: tuple[str, ...], message: str
) -> None:
    typed = [argument.format(archive=world.archive, quarantine=world.quarantine) for argument in arguments]
    code, output = finished(start_sweep(world, *typed))
    assert code == 2
    assert message in output
    assert "Traceback" not in output


def test_sweep_job_with_bad_settings_names_them(world: World) -> None:
    code, output = finished(start_sweep(world, ATTEMPT_TIMEOUT_S="10"))
    assert code == 2
    assert "ATTEMPT_TIMEOUT_S is '10', expected more than 100" in output


def test_sweep_processes_only_the_uploads_of_its_backlog(world: World, picture: Picture, tmp_path: Path) -> None:
    put(world, tmp_path, **{"a/1.jpg": picture(1), "b/1.jpg": picture(2)})
    backlog = Backlog(world.uploads, prefix="b/")
    sweep: Sweep = sweep_of(world)
    assert sweep.run(backlog.uploads(world.store)).outcomes == {"predicted": 1}
    assert world.names_in(world.uploads) == ["a/1.jpg"]


@contextmanager
def terminal() -> Iterator[tuple[int, Callable[[], str]]]:
    """Provide a terminal for a process, and a function that reads its whole output once the process has ended."""
    master, tty = pty.openpty()
    termios.tcsetwinsize(tty, (40, 100))

    def read_all() -> str:
        os.close(tty)
        chunks = []
        with contextlib.suppress(OSError):  # on Linux the end of a terminal is an error
            while chunk := os.read(master, 65536):
                chunks.append(chunk)
        return b"".join(chunks).decode()

    try:
        yield tty, read_all
    finally:
        os.close(master)


def test_sweep_command_on_a_terminal_shows_a_bar_and_then_a_table(
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
    with folder_lock(folder), terminal() as (tty, read_all):
        done = subprocess.run(command, stdin=tty, stdout=tty, stderr=tty, env=environment, timeout=60, check=False)
        shown = read_all()
    assert done.returncode == 0, shown
    assert "Sweeping" in shown
    assert re.search(r"predicted\W+1\b", shown)
    assert re.search(r"rejected\W+1\b", shown)
    assert "not_an_image" in shown
    assert '"outcome"' not in shown
