"""A process that is shut down gracefully does not die of signals that arrive when it has finished."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from shared.local.cloud import Cloud, new_cloud
from shared.local.processes import Part, parts_of
from shared.local.supervisor import Supervisor
from shared.settings import DEFAULT_BUNDLE
from tests.backlog.endings import with_late_signals
from tests.backlog.parts import finished, start_sweep
from tests.worlds import World

ROOT = Path(__file__).parents[2]

WAYS_TO_END = {
    "graceful_shutdown": "from shared.backlog.graceful_shutdown import graceful_shutdown\n"
    "with graceful_shutdown(print, print): pass",
    "interruptible": "from shared.backlog.graceful_shutdown import interruptible\nwith interruptible(): pass",
    "run_until_signal": "from shared.emulators.loopback.until_signal import run_until_signal\n"
    "async def work(stop): os.kill(os.getpid(), signal.SIGTERM); await stop.wait()\n"
    "run_until_signal(work)",
    "command_line": "sys.argv[1:] = ['--version']\nfrom shared.cli.__main__ import run\nrun()",
}


def ended(script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"import os, signal, sys\n{script}"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def late_signals(tmp_path: Path) -> dict[str, str]:
    return with_late_signals(tmp_path / "late", {**os.environ, "PYTHONPATH": str(ROOT)})


def test_late_signals_kill_a_process_without_a_graceful_shutdown(late_signals: dict[str, str]) -> None:
    """Without this the tests below would also pass if no signal were sent."""
    assert ended("signal.signal(signal.SIGTERM, lambda *_: None)", late_signals).returncode == -signal.SIGTERM


@pytest.mark.parametrize("way", WAYS_TO_END)
def test_late_signals_change_no_exit_code(way: str, late_signals: dict[str, str]) -> None:
    done = ended(WAYS_TO_END[way], late_signals)
    assert (done.returncode, done.stderr) == (0, "")


def test_interruptible_block_is_interrupted_only_once(late_signals: dict[str, str]) -> None:
    script = """
from shared.backlog.graceful_shutdown import interruptible
try:
    with interruptible():
        os.kill(os.getpid(), signal.SIGINT)
        print("not reached")
except KeyboardInterrupt:
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    print("stopped what was started")
"""
    done = ended(script, late_signals)
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped what was started\n", "")


def test_uninterrupted_block_ends_before_its_signal_is_raised(late_signals: dict[str, str]) -> None:
    script = """
from shared.backlog.graceful_shutdown import interruptible, uninterrupted
try:
    with interruptible():
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGTERM)
            print("started and noted")
        print("not reached")
except KeyboardInterrupt:
    print("interrupted")
"""
    done = ended(script, late_signals)
    assert (done.returncode, done.stdout, done.stderr) == (0, "started and noted\ninterrupted\n", "")


def test_sweep_that_has_ended_does_not_die_of_a_signal(world: World, tmp_path: Path) -> None:
    late = with_late_signals(tmp_path / "late", {"PYTHONPATH": str(ROOT)})["PYTHONPATH"]
    code, output = finished(start_sweep(world, PYTHONPATH=late))
    assert (code, '"outcome": "swept"' in output) == (0, True), output


def test_local_cloud_parts_that_have_ended_do_not_die_of_a_signal(tmp_path: Path) -> None:
    def parts(cloud: Cloud, duplicates: float) -> list[Part]:
        children_too = {"LATE_SIGNALS": "children too"}
        return [
            replace(part, environment=with_late_signals(tmp_path / "late", part.environment | children_too))
            for part in parts_of(cloud, duplicates)
        ]

    cloud = new_cloud(tmp_path / "cloud", DEFAULT_BUNDLE)
    supervisor = Supervisor(cloud, print, sweep_every_s=0, list_parts=parts)
    try:
        supervisor.start()
        processes = supervisor.processes
    finally:
        supervisor.stop()
    codes = {name: process.returncode for name, process in processes.items() if "Python" in part_kind(process)}
    assert codes == dict.fromkeys(codes, 0)
    assert len(codes) >= 5
    logs = {name: cloud.log_file(name).read_text("utf-8") for name in codes}
    assert [name for name, log in logs.items() if "SIG" in log or "Traceback" in log] == []


def part_kind(process: subprocess.Popen[bytes]) -> str:
    return "Python" if process.args[0] == sys.executable else "foreign"  # type: ignore[index]
