"""``bucketlens classify`` as CSV, and its results after Ctrl-C in every format."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import shared.cli.classify
from shared.cli import classify_files, main
from shared.cli.classify_files import FEW, usable_cores
from tests.pictures import encoded, scene

LISTENING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from shared.cli import main
main()
"""
"""The command line, also under a shell whose background processes ignore Ctrl-C."""

ROOT = Path(__file__).parents[2]


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (folder / name).write_bytes(encoded(scene(), "JPEG"))
    return folder


def classify(*typed: str | Path) -> Result:
    return CliRunner().invoke(main, ["classify", *map(str, typed)], env={"COLUMNS": "200"})


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise KeyboardInterrupt after two answers."""
    whole = classify_files.classify_files

    def some(*arguments: Any) -> Iterator[Any]:
        answers = whole(*arguments)
        yield next(answers)
        yield next(answers)
        answers.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(shared.cli.classify, "classify_files", some)


def test_classify_csv_has_a_line_for_each_file(album: Path, tmp_path: Path) -> None:
    """As a spreadsheet opens it: with a byte order mark."""
    (album / "list.jpg").write_text("bread, butter")
    done = classify(album, "--csv", tmp_path / "results.csv")
    assert done.exit_code == 1
    assert (tmp_path / "results.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    *pictures, text = rows_of((tmp_path / "results.csv").read_text("utf-8-sig"))
    assert [Path(row["path"]).name for row in pictures] == ["a.jpg", "b.jpg", "c.jpg"]
    assert all(row["label"] and 0 < float(row["score"]) <= 1 and not row["error"] for row in pictures)
    assert {row["needs_review"] for row in pictures} <= {"true", "false"}
    assert (text["label"], text["score"], text["error"][:8]) == ("", "", "The file")


def test_classify_csv_escapes_formulas_in_names(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(album)
    Path("a.jpg").rename("=1+1.jpg")
    [row] = rows_of(classify("=1+1.jpg", "--csv", "-").stdout.removeprefix("\ufeff"))
    assert row["path"] == "'=1+1.jpg"


def test_classify_csv_reports_a_missing_folder(album: Path, tmp_path: Path) -> None:
    done = classify(album, "--csv", tmp_path / "nowhere" / "results.csv")
    assert done.exit_code in (1, 2)
    assert "No such file or directory" in done.stderr
    assert isinstance(done.exception, SystemExit)


def test_classify_refuses_csv_with_json(album: Path) -> None:
    assert classify(album, "--csv", "-", "--json").exit_code == 2


@pytest.mark.usefixtures("interrupted")
def test_classify_csv_has_the_results_before_an_interrupt(album: Path, tmp_path: Path) -> None:
    done = classify(album, "--csv", tmp_path / "results.csv")
    assert done.exit_code == 130
    assert "Interrupted: 2 of 3 files are classified." in done.stderr
    assert len(rows_of((tmp_path / "results.csv").read_text("utf-8-sig"))) == 2


@pytest.mark.usefixtures("interrupted")
def test_classify_json_has_the_results_before_an_interrupt(album: Path) -> None:
    done = classify(album, "--json")
    assert (done.exit_code, len(done.stdout.splitlines())) == (130, 2)


@pytest.mark.usefixtures("interrupted")
def test_classify_table_has_the_results_before_an_interrupt(album: Path) -> None:
    done = classify(album)
    assert done.exit_code == 130
    assert "b.jpg" in done.stdout
    assert "c.jpg" not in done.stdout


def test_classify_ends_every_process_on_ctrl_c_and_leaves_whole_lines(tmp_path: Path) -> None:
    """A terminal sends it to the whole group; the files are so many that a pool of processes classifies them."""
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "0.jpg").write_bytes(encoded(scene(), "JPEG"))
    for number in range(1, FEW * usable_cores() * 20):
        (folder / f"{number}.jpg").hardlink_to(folder / "0.jpg")
    with (tmp_path / "lines").open("w") as lines_file:
        process = subprocess.Popen(
            [sys.executable, "-c", LISTENING, "classify", "--json", str(folder)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=lines_file,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
    while "\n" not in (tmp_path / "lines").read_text():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    lines = (tmp_path / "lines").read_text().splitlines()
    assert process.returncode == 130, errors
    assert all(json.loads(line)["label"] for line in lines)
    assert errors.strip() == f"Interrupted: {len(lines):,} of {FEW * usable_cores() * 20:,} files are classified."


@pytest.mark.parametrize("files", [1, FEW * usable_cores()], ids=["in this process", "in a pool"])
def test_classify_silences_libraries_on_the_terminal(tmp_path: Path, files: int) -> None:
    """Otherwise LiteRT's greeting would break a progress bar."""
    (tmp_path / "0.jpg").write_bytes(encoded(scene(), "JPEG"))
    for number in range(1, files):
        (tmp_path / f"{number}.jpg").hardlink_to(tmp_path / "0.jpg")
    done = subprocess.run(
        [sys.executable, "-m", "shared.cli", "classify", "--json", str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", files)
