"""Logs of a local cloud: they stay small, and who follows one misses nothing of what comes."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from shared.cli import main
from shared.local.log_files import Tail, rotate
from tests.emulators.storage_parts import ROOT, eventually


def test_large_log_is_rotated_while_its_writer_continues(tmp_path: Path) -> None:
    log = tmp_path / "relay.log"
    with log.open("ab") as writer:
        writer.write(b"x" * 2000)
        writer.flush()
        assert rotate(tmp_path, 1000) == [log]
        writer.write(b"after\n")
        writer.flush()
        assert rotate(tmp_path, 1000) == []
    assert log.read_bytes() == b"after\n"
    assert (tmp_path / "relay.log.1").stat().st_size == 2000


def test_tail_reads_added_text_also_after_a_rotation(tmp_path: Path) -> None:
    log = tmp_path / "relay.log"
    log.write_text("before\n" * 3)
    tail = Tail(log)
    with log.open("a") as writer:
        writer.write("größe\n")
    assert (tail.read_new(), tail.read_new()) == ("größe\n", "")
    log.write_text("new\n")
    assert tail.read_new() == "new\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "relay.log").write_text("".join(f"line {number}\n" for number in range(100)))
    return tmp_path


def test_logs_command_shows_the_last_lines_of_a_part(folder: Path) -> None:
    done = CliRunner().invoke(main, ["logs", "relay", "-n", "2", "--folder", str(folder)])
    assert (done.exit_code, done.output) == (0, "line 98\nline 99\n")


def test_logs_command_without_a_part_lists_the_logs(folder: Path) -> None:
    assert CliRunner().invoke(main, ["logs", "--folder", str(folder)]).output == f"{folder / 'logs' / 'relay.log'}\n"
    wrong = CliRunner().invoke(main, ["logs", "nobody", "--folder", str(folder)])
    assert wrong.exit_code == 2
    assert "the logs are relay" in wrong.output


def test_logs_command_follows_a_log_until_ctrl_c(folder: Path) -> None:
    command = [sys.executable, "-m", "shared.cli", "logs", "-f", "relay", "-n", "1", "--folder", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    seen: list[str] = []
    reader = threading.Thread(target=lambda: seen.extend(process.stdout or ()))
    reader.start()
    try:
        eventually(lambda: seen == ["line 99\n"])
        with (folder / "logs" / "relay.log").open("a") as writer:
            writer.write("more\n")
        eventually(lambda: seen == ["line 99\n", "more\n"])
        process.send_signal(2)
        assert process.wait(20) == 0
    finally:
        process.kill()
        reader.join()
        process.stdout.close()
