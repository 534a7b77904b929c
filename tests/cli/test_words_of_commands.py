"""Small words of commands: how many rows a statement changed, how many more there are, where a folder cannot be had."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from shared.cli import main
from shared.cli.demo import LONG_LIST, _drop_and_show
from shared.local.cloud import Cloud, folder_lock

Picture = Callable[..., bytes]


@pytest.fixture
def bucketlens(cloud: Cloud, tmp_path: Path) -> Iterator[Callable[..., Result]]:
    folder = tmp_path / "cloud"
    folder.mkdir()
    replace(cloud, folder=folder).save()
    with folder_lock(folder):
        yield lambda *typed: CliRunner().invoke(main, [*typed, "--folder", str(folder)], env={"COLUMNS": "200"})


def test_query_says_how_many_rows_a_statement_changed(bucketlens: Callable[..., Result]) -> None:
    done = bucketlens("query", "DELETE FROM labels WHERE prediction_id = 'nobody'")
    assert done.exit_code == 0, done.output
    assert "0 rows changed" in done.stderr


def test_the_demo_says_how_many_more_there_are(
    cloud: Cloud, tmp_path: Path, picture: Picture, capsys: pytest.CaptureFixture[str]
) -> None:
    files = []
    for number in range(LONG_LIST + 3):
        path = tmp_path / f"{uuid.uuid4().hex}.jpg"
        path.write_bytes(picture(number))
        files.append((path, path.name))
    supervisor: Any = SimpleNamespace(cloud=cloud)
    assert _drop_and_show(supervisor, files) == 0
    lines = capsys.readouterr().out.splitlines()
    [more, *_] = [int(line.split()[0].replace(",", "")) for line in lines if line.strip().endswith(" more")]
    assert more >= 3


def test_a_data_folder_that_cannot_be_had_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = CliRunner().invoke(main, ["up", "--folder", str(tmp_path / "file" / "cloud")])
    assert done.exit_code == 2
    assert "name another one: --folder FOLDER" in " ".join(done.output.split())
