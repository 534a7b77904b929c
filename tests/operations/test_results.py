"""Results to take home: as CSV and as folders, from the real store and by the command line."""

from __future__ import annotations

import csv
import hashlib
import io
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from shared.cli import main
from shared.local.cloud import UPLOAD_BUCKET, Cloud, folder_lock
from shared.operations.results import COLUMNS, Saved, file_name, save_pictures, write_csv
from tests.backlog.parts import eventually
from tests.worlds import World

Picture = Callable[..., bytes]


def result(**columns: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = dict.fromkeys((*COLUMNS, "sha256"))
    return nothing | {"name": "a.jpg", "label": "daisy", "final_label": "daisy"} | columns


def cells(*rows: dict[str, Any]) -> list[dict[str, str]]:
    file = io.StringIO()
    write_csv(rows, file)
    return list(csv.DictReader(io.StringIO(file.getvalue())))


@pytest.fixture
def archived(world: World, picture: Picture) -> Callable[..., dict[str, Any]]:
    """Archives a picture and returns its result."""

    def archive(seed: int, **columns: Any) -> dict[str, Any]:
        content = picture(seed)
        digest = hashlib.sha256(content).hexdigest()
        name = f"{digest[:2]}/{digest}.jpg"
        world.store.write_once(world.archive, name, content, "image/jpeg")
        return result(sha256=digest, archive_uri=f"gs://{world.archive}/{name}", **columns)

    return archive


def saved(world: World, rows: list[dict[str, Any]], folder: Path) -> dict[str, Saved]:
    return dict(save_pictures(rows, world.store, folder, 10_000_000))


@pytest.mark.parametrize("name", ["=1+1.jpg", "+1.jpg", "-1.jpg", "@a.jpg", "\tb.jpg"])
def test_results_csv_escapes_formulas(name: str) -> None:
    assert cells(result(name=name))[0]["name"] == f"'{name}"


def test_results_csv_keeps_names_with_commas_quotes_and_line_breaks() -> None:
    name = 'a, "b"\nc.jpg'
    [row] = cells(result(name=name, score=0.25, needs_review=True, labelled_at=datetime(2026, 1, 2, tzinfo=UTC)))
    assert (row["name"], row["score"], row["needs_review"]) == (name, "0.25", "true")
    assert row["labelled_at"] == "2026-01-02T00:00:00+00:00"
    assert row["labelled_by"] == ""


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("rose", "rose"),
        ("../../etc/passwd", "__" + "_.._etc_passwd"),
        ("a/b\\c", "a_b_c"),
        ("..", "__"),
        (".hidden", "_hidden"),
        ("a\x1b[31mb\n", "a_[31mb_"),
        ("", "_"),
    ],
)
def test_file_name_never_leaves_its_folder(text: str, safe: str) -> None:
    assert file_name(text) == safe


def test_file_name_is_cut_between_characters() -> None:
    assert file_name("ä" * 500) == "ä" * 100


def test_export_writes_each_picture_into_the_folder_of_its_final_label(
    world: World, archived: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    rows = [archived(1, name="holiday/rose.png"), archived(2, final_label="none_of_these"), archived(3, name=None)]
    digest = rows[2]["sha256"]
    paths = ["daisy/rose.jpg", "none_of_these/a.jpg", f"daisy/{digest[:16]}.jpg"]
    assert saved(world, rows, tmp_path) == dict.fromkeys(paths, Saved.WRITTEN)
    for row, path in zip(rows, paths, strict=True):
        assert hashlib.sha256((tmp_path / path).read_bytes()).hexdigest() == row["sha256"]


def test_export_again_fetches_and_overwrites_nothing(
    world: World, archived: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    rows = [archived(1), archived(2)]
    digest = rows[1]["sha256"]
    assert saved(world, rows, tmp_path) == dict.fromkeys(["daisy/a.jpg", f"daisy/a-{digest[:8]}.jpg"], Saved.WRITTEN)
    assert set(saved(world, rows, tmp_path).values()) == {Saved.EXISTING}
    assert len(list(tmp_path.rglob("*.*"))) == 2


def test_export_names_pictures_missing_from_the_archive(
    world: World, archived: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    gone = result(sha256="0" * 64, archive_uri=f"gs://{world.archive}/00/gone.jpg", name="gone.jpg")
    assert saved(world, [gone, archived(1)], tmp_path) == {
        "daisy/gone.jpg": Saved.MISSING,
        "daisy/a.jpg": Saved.WRITTEN,
    }


@pytest.fixture
def bucketlens(cloud: Cloud, tmp_path: Path) -> Iterator[Callable[..., Result]]:
    """The command line on the session's cloud."""
    folder = tmp_path / "folder"
    folder.mkdir()
    replace(cloud, folder=folder).save()
    with folder_lock(folder):  # as the process does that runs a cloud in a folder
        yield lambda *typed: CliRunner().invoke(main, [*typed, "--folder", str(folder)], env={"COLUMNS": "200"})


def test_export_uses_the_label_that_a_person_gave_by_name(
    world: World, bucketlens: Callable[..., Result], picture: Picture, tmp_path: Path
) -> None:
    name = f"{uuid.uuid4().hex}.jpg"
    (tmp_path / name).write_bytes(picture(uuid.uuid4().int % 2**32))
    assert world.store.upload(UPLOAD_BUCKET, name, tmp_path / name)
    sql = "SELECT label FROM latest_predictions WHERE image.name IN UNNEST(@names)"
    eventually(lambda: world.warehouse.query(sql, names=[name]).rows)

    labelled = bucketlens("label", name, "tulips", "--note", "seen in April")
    assert (labelled.exit_code, "labelled tulips" in labelled.output) == (0, True), labelled.output

    done = bucketlens("export", str(tmp_path / "results.csv"))
    assert done.exit_code == 0, done.output
    text = (tmp_path / "results.csv").read_text("utf-8-sig")
    [row] = [row for row in csv.DictReader(io.StringIO(text)) if row["name"] == name]
    assert (row["final_label"], bool(row["labelled_at"])) == ("tulips", True)

    assert bucketlens("export", str(tmp_path / "by label"), "--labelled").exit_code == 0
    assert (tmp_path / "by label" / "tulips" / name).read_bytes() == (tmp_path / name).read_bytes()


def test_label_names_what_it_could_not_find(bucketlens: Callable[..., Result]) -> None:
    refused = bucketlens("label", "nowhere.jpg", "tulips")
    assert refused.exit_code == 2
    assert "There is no prediction of nowhere.jpg" in refused.output


def test_export_names_a_folder_that_cannot_be_written(bucketlens: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    refused = bucketlens("export", str(tmp_path / "file" / "results.csv"))
    assert refused.exit_code == 2
    assert "cannot be written" in refused.output
