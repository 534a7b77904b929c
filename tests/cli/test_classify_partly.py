"""``bucketlens classify`` as CSV, and what is left of it after Ctrl-C: all that was classified, in every format."""

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
"""The command line, also where a shell has its children ignore Ctrl-C since they run in the background."""

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
    """Ctrl-C comes after two answers."""
    whole = classify_files.classify_files

    def some(*arguments: Any) -> Iterator[Any]:
        answers = whole(*arguments)
        yield next(answers)
        yield next(answers)
        answers.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(shared.cli.classify, "classify_files", some)


def test_csv_has_a_line_for_each_file(album: Path, tmp_path: Path) -> None:
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


def test_csv_holds_no_formula_of_a_name(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(album)
    Path("a.jpg").rename("=1+1.jpg")
    [row] = rows_of(classify("=1+1.jpg", "--csv", "-").stdout.removeprefix("\ufeff"))
    assert row["path"] == "'=1+1.jpg"


def test_csv_into_a_folder_that_is_not_there_is_a_sentence(album: Path, tmp_path: Path) -> None:
    done = classify(album, "--csv", tmp_path / "nowhere" / "results.csv")
    assert done.exit_code in (1, 2)
    assert "No such file or directory" in done.stderr
    assert isinstance(done.exception, SystemExit)


def test_csv_and_json_together_are_refused(album: Path) -> None:
    assert classify(album, "--csv", "-", "--json").exit_code == 2


@pytest.mark.usefixtures("interrupted")
def test_an_interrupted_csv_holds_what_was_classified(album: Path, tmp_path: Path) -> None:
    done = classify(album, "--csv", tmp_path / "results.csv")
    assert done.exit_code == 130
    assert "Interrupted: 2 of 3 files are classified." in done.stderr
    assert len(rows_of((tmp_path / "results.csv").read_text("utf-8-sig"))) == 2


@pytest.mark.usefixtures("interrupted")
def test_interrupted_json_holds_what_was_classified(album: Path) -> None:
    done = classify(album, "--json")
    assert (done.exit_code, len(done.stdout.splitlines())) == (130, 2)


@pytest.mark.usefixtures("interrupted")
def test_an_interrupted_table_shows_what_was_classified(album: Path) -> None:
    done = classify(album)
    assert done.exit_code == 130
    assert "b.jpg" in done.stdout
    assert "c.jpg" not in done.stdout


def test_ctrl_c_in_a_terminal_ends_every_process_and_leaves_whole_lines(tmp_path: Path) -> None:
    """A terminal sends it to the whole group; so many files that processes of their own classify them."""
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
    _, said = process.communicate(timeout=120)
    lines = (tmp_path / "lines").read_text().splitlines()
    assert process.returncode == 130, said
    assert all(json.loads(line)["label"] for line in lines)
    assert said.strip() == f"Interrupted: {len(lines):,} of {FEW * usable_cores() * 20:,} files are classified."


@pytest.mark.parametrize("files", [1, FEW * usable_cores()], ids=["here", "in processes of their own"])
def test_no_library_writes_a_line_of_its_own_to_the_terminal(tmp_path: Path, files: int) -> None:
    """Such as that LiteRT has made a delegate, through the middle of a progress bar."""
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
