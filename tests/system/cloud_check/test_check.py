"""Tests of a check whose steps fail, hang or are interrupted: with small commands, and no cloud."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.cloud_check.check import Check
from tests.system.cloud_check.shell import Shell
from tests.system.cloud_check.steps import Step
from tests.system.cloud_check.transcript import Transcript


@pytest.fixture
def check(tmp_path: Path) -> Check:
    return Check(Shell(tmp_path, {"PATH": os.environ["PATH"]}), Transcript({}), lambda _: None)


def noted(tmp_path: Path) -> list[str]:
    path = tmp_path / "noted"
    return path.read_text().split() if path.exists() else []


def step(name: str, line: str = "true", **options: object) -> Step:
    made: dict[str, object] = {"minutes": 0.5, "undo": (f"echo undo-{name} >>noted",), **options}
    return Step(name, (f"echo {name} >>noted", line), **made)  # type: ignore[arg-type]


def test_steps_run_in_order_and_are_undone_in_reverse(check: Check, tmp_path: Path) -> None:
    assert check.run([step("a"), step("b", undo=()), step("c")])
    assert noted(tmp_path) == ["a", "b", "c", "undo-c", "undo-a"]


def test_step_that_fails_ends_the_check_and_is_undone(check: Check, tmp_path: Path) -> None:
    assert not check.run([step("a"), step("b", "exit 3"), step("c")])
    assert noted(tmp_path) == ["a", "b", "undo-b", "undo-a"]
    assert [entry.fault for entry in check.transcript.entries] == ["", "exit code 3", "", ""]


def test_step_that_meets_a_foreign_resource_undoes_nothing(check: Check, tmp_path: Path) -> None:
    assert not check.run([step("a"), step("bucket", "exit 1", is_undone_if_failed=False)])
    assert noted(tmp_path) == ["a", "bucket", "undo-a"]


def test_steps_that_share_an_undo_run_it_once_for_the_last(check: Check, tmp_path: Path) -> None:
    assert check.run([step("bucket"), step("first", makes="deployment"), step("second", makes="deployment")])
    assert noted(tmp_path)[3:] == ["undo-second", "undo-bucket"]


def test_step_that_cannot_be_undone_keeps_what_it_depends_on(check: Check, tmp_path: Path) -> None:
    lines: list[str] = []
    check.say = lines.append
    assert not check.run([step("state"), step("apply", undo=("echo tried >>noted; exit 1",))])
    assert noted(tmp_path) == ["state", "apply", "tried", "tried"]
    assert "NOT undone: apply" in lines[-1]
    assert "exit 1" in lines[-1]


def test_undo_runs_every_line_and_the_last_decides(check: Check, tmp_path: Path) -> None:
    assert check.run([step("a", undo=("exit 1", "echo gone >>noted"))])
    assert noted(tmp_path) == ["a", "gone"]


def test_step_that_hangs_is_stopped_and_undone(check: Check, tmp_path: Path) -> None:
    assert not check.run([step("slow", "sleep 600", minutes=1 / 60)])
    assert noted(tmp_path) == ["slow", "undo-slow"]
    assert "took longer than" in check.transcript.entries[0].fault


def test_step_is_repeated_until_its_output_has_what_it_waits_for(check: Check, tmp_path: Path) -> None:
    assert check.run([step("row", "wc -l <noted", until=re.compile(r"\b3\b"), every_s=0.01, undo=())])
    assert noted(tmp_path) == ["row"] * 3


def test_step_that_waits_for_a_row_fails_without_it(check: Check) -> None:
    assert not check.run([step("row", until=re.compile("never"), every_s=0.01, minutes=0.02, undo=())])
    assert check.transcript.entries[0].fault == "its output never had never"


def interrupting(check: Check, is_time: Callable[[], bool]) -> threading.Thread:
    """Interrupt as the signal's handler does, once a condition holds."""

    def wait() -> None:
        pause = threading.Event()
        while not is_time():
            pause.wait(0.02)
        check.interrupt()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_ctrl_c_ends_the_step_and_tears_down(check: Check, tmp_path: Path) -> None:
    thread = interrupting(check, lambda: noted(tmp_path) == ["a"])
    assert not check.run([step("a", "sleep 600"), step("b")])
    thread.join()
    assert noted(tmp_path) == ["a", "undo-a"]
    assert check.transcript.entries[0].fault == "it was interrupted"


def test_ctrl_c_during_the_teardown_is_reported_and_does_not_stop_it(check: Check, tmp_path: Path) -> None:
    lines: list[str] = []
    check.say = lines.append
    undo = ("echo began >>noted; until test -e told; do sleep 0.02; done; echo gone >>noted",)
    thread = interrupting(check, lambda: noted(tmp_path) == ["a", "began"])

    def follow_up() -> None:
        thread.join()
        (tmp_path / "told").touch()

    follow = threading.Thread(target=follow_up)
    follow.start()
    assert check.run([step("a", undo=undo)])
    follow.join()
    assert noted(tmp_path) == ["a", "began", "gone"]
    assert any(line.startswith("Tearing down") for line in lines)


def test_ctrl_c_twice_does_not_reach_the_step_that_is_ending(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[str] = []
    monkeypatch.setattr(check.shell, "interrupt", lambda: reached.append("it"))
    check.interrupt()
    check.interrupt()
    assert reached == ["it"]


def test_step_passes_with_the_exit_codes_that_it_names(check: Check) -> None:
    assert check.run([step("look", "exit 1", exit_codes=(0, 1))])
