"""Remarks of commands: changed rows, rows that are not shown, a folder that cannot be used."""

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
from shared.cli.demo import LONG_LIST, _upload_and_show
from shared.local.cloud import Cloud, folder_lock

Picture = Callable[..., bytes]


@pytest.fixture
def bucketlens(cloud: Cloud, tmp_path: Path) -> Iterator[Callable[..., Result]]:
    folder = tmp_path / "cloud"
    folder.mkdir()
    replace(cloud, folder=folder).save()
    with folder_lock(folder):
        yield lambda *typed: CliRunner().invoke(main, [*typed, "--folder", str(folder)], env={"COLUMNS": "200"})


def test_query_prints_the_number_of_changed_rows(bucketlens: Callable[..., Result]) -> None:
    done = bucketlens("query", "DELETE FROM labels WHERE prediction_id = 'unknown'")
    assert done.exit_code == 0, done.output
    assert "0 rows changed" in done.stderr


def test_demo_prints_the_number_of_rows_that_are_not_shown(
    cloud: Cloud, tmp_path: Path, picture: Picture, capsys: pytest.CaptureFixture[str]
) -> None:
    files = []
    for number in range(LONG_LIST + 3):
        path = tmp_path / f"{uuid.uuid4().hex}.jpg"
        path.write_bytes(picture(number))
        files.append((path, path.name))
    supervisor: Any = SimpleNamespace(cloud=cloud)
    assert _upload_and_show(supervisor, files) == 0
    lines = capsys.readouterr().out.splitlines()
    [more, *_] = [int(line.split()[0].replace(",", "")) for line in lines if line.strip().endswith(" more")]
    assert more >= 3


def test_up_reports_a_data_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = CliRunner().invoke(main, ["up", "--folder", str(tmp_path / "file" / "cloud")])
    assert done.exit_code == 2
    assert "give another one: --folder FOLDER" in " ".join(done.output.split())
