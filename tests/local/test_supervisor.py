"""The supervisor by itself: what dies is started again after pauses that grow, and is known by its process."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from shared.local.cloud import new_cloud, process_of, saved_cloud
from shared.local.processes import Part
from shared.local.supervisor import PartFailed, Supervisor
from tests.emulators.storage_parts import HOST, answers, eventually
from tests.ports import free_port

Start = Callable[..., Supervisor]


@pytest.fixture
def messages() -> list[str]:
    """The supervisor's messages."""
    return []


@pytest.fixture
def start(tmp_path: Path, messages: list[str]) -> Iterator[Start]:
    """Return what starts a cloud of one part: a web server, or another program."""
    started: list[Supervisor] = []

    def begin(*command: str) -> Supervisor:
        port = free_port()
        serve = (sys.executable, "-m", "http.server", str(port), "--bind", HOST)
        part = Part("server", command or serve, {**os.environ}, f"http://{HOST}:{port}/")
        watched = Supervisor(
            new_cloud(tmp_path, "none"),
            messages.append,
            sweep_every_s=0,
            longest_pause_s=0.5,
            list_parts=lambda _cloud, _duplicates: [part],
        )
        started.append(watched)
        watched.start()
        return watched

    yield begin
    for watched in started:
        watched.stop()


def pid_of(watched: Supervisor) -> int:
    """Return the process of the part, as ``cloud.json`` names it for everybody."""
    saved = saved_cloud(watched.cloud.folder)
    assert saved
    return int(saved.children["server"][0])


def kill(watched: Supervisor) -> int:
    """Kill the part and wait until another process took its place; returns that one's id."""
    before = pid_of(watched)
    os.kill(before, signal.SIGKILL)

    def is_replaced() -> bool:
        watched.watch()
        return pid_of(watched) != before

    eventually(is_replaced)
    return pid_of(watched)


def test_supervisor_restarts_a_killed_part_after_growing_pauses(start: Start, messages: list[str]) -> None:
    watched = start()
    for _ in range(3):
        kill(watched)
    pauses = [
        re.fullmatch(r"server ended \(killed by SIGKILL\); starting it again in (.*) s", line) for line in messages
    ]
    assert [actual and actual.group(1) for actual in pauses] == ["0.4", "0.5", "0.5"]


def test_cloud_file_names_the_current_process(start: Start) -> None:
    watched = start()
    first = pid_of(watched)
    second = kill(watched)
    assert not psutil.pid_exists(first)
    saved = saved_cloud(watched.cloud.folder)
    assert saved
    process = process_of(saved.children["server"])
    assert process is not None
    assert process.pid == second
    eventually(lambda: answers(watched._running["server"].part.ready_url))


def test_supervisor_leaves_running_parts_alone(start: Start, messages: list[str]) -> None:
    watched = start()
    before = pid_of(watched)
    for _ in range(3):
        watched.watch()
    assert (pid_of(watched), messages) == (before, [])


def test_supervisor_reports_a_failed_start_with_the_last_log_lines(start: Start) -> None:
    with pytest.raises(PartFailed, match=r"(?s)server ended \(exit code 3\).*no such disk"):
        start(sys.executable, "-c", "print('no such disk', flush=True); raise SystemExit(3)")


def test_supervisor_does_not_restart_stopped_parts(start: Start) -> None:
    watched = start()
    process = psutil.Process(pid_of(watched))
    watched.stop()
    give_up_at = time.monotonic() + 20
    while process.is_running():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
