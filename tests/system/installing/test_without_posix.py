"""Tests without the POSIX parts of Python, as on Windows: files are classified, and the local cloud reports its needs.

They do not run on Windows: the parts that its Python lacks are removed from this one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.environments import ROOT

SENTENCE = "The local cloud needs Linux, macOS or WSL"


def bucketlens(folder: Path, *words: str, few: int = 64) -> subprocess.CompletedProcess[str]:
    """Run the command line without those parts, in this process and in the processes that it starts.

    Args:
        folder: an empty one, for the module that every Python imports at its start.
        words: the command.
        few: files for each core below which no processes are started.
    """
    start = "from tests.system.installing.without_posix import remove_posix\nremove_posix()\n"
    (folder / "sitecustomize.py").write_text(start, "utf-8")
    script = (
        f"import shared.cli.classify_files; shared.cli.classify_files.FEW = {few}; "
        "from shared.cli import main; main(prog_name='bucketlens')"
    )
    return subprocess.run(
        [sys.executable, "-c", script, *words],
        env={"PYTHONPATH": f"{folder}:{ROOT}", "HOME": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(6):
        Image.new("RGB", (300, 200), (40 * number, 100, 50)).save(folder / f"{number}.png")
    return folder


@pytest.mark.parametrize("few", [64, 1], ids=["by threads", "by processes"])
def test_classify_needs_nothing_that_windows_lacks(tmp_path: Path, pictures: Path, few: int) -> None:
    done = bucketlens(tmp_path, "classify", str(pictures), "--json", few=few)
    assert done.returncode == 0, done.stderr
    assert [Path(json.loads(line)["path"]).name for line in done.stdout.splitlines()] == [f"{n}.png" for n in range(6)]


def test_explain_needs_nothing_that_windows_lacks(tmp_path: Path, pictures: Path) -> None:
    done = bucketlens(tmp_path, "classify", "--explain", "why.png", str(pictures / "0.png"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "why.png").exists()


def test_help_needs_nothing_that_windows_lacks(tmp_path: Path) -> None:
    done = bucketlens(tmp_path, "--help")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["up", "demo"])
def test_local_cloud_reports_on_which_systems_it_runs(tmp_path: Path, command: str) -> None:
    done = bucketlens(tmp_path, command)
    assert done.returncode == 2
    assert SENTENCE in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_status_finds_nothing_where_no_local_cloud_can_run(tmp_path: Path) -> None:
    done = bucketlens(tmp_path, "status")
    assert "Traceback" not in done.stderr
