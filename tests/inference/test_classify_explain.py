"""``bucketlens classify --explain``: the usual output, and a heatmap over each picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from click.testing import CliRunner, Result

from shared.cli import main
from tests.inference.pictures import drawn, flower_in


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="bucketlens")


def lines_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    PIL.Image.fromarray(flower_in("upper right", size=(600, 448))).save(path)
    return path


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Two pictures of the same name in two folders, and a text file."""
    for folder in ("album", "album/more"):
        (tmp_path / folder).mkdir()
        drawn()["daisy"].save(tmp_path / folder / "a.jpg")
    (tmp_path / "album" / "list.txt").write_text("no picture", "utf-8")
    return tmp_path / "album"


def warmth(picture: PIL.Image.Image) -> np.ndarray:
    """Return red minus blue, shape (height, width)."""
    values = np.asarray(picture.convert("RGB")).astype(int)
    difference: np.ndarray = values[..., 0] - values[..., 2]
    return difference


def test_explain_option_writes_a_heatmap_and_prints_the_label(photo: Path, tmp_path: Path) -> None:
    result = run("classify", "--explain", tmp_path / "out" / "why.png", photo)

    assert result.exit_code == 0, result.output
    assert "sunflowers" in result.stdout
    assert "why.png" in result.stderr
    with PIL.Image.open(tmp_path / "out" / "why.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (600, 448))
        warm = warmth(picture)
    assert warm[100:200, 350:450].mean() > 20 + warm[250:, :200].mean()


def test_explain_option_adds_the_explanation_to_json(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "why.jpg"
    [plain] = lines_of(run("classify", "--json", photo))
    [line] = lines_of(run("classify", "--json", "--explain", out, "--label", "tulips", photo))

    explained = line.pop("explained")
    assert line == plain
    assert (explained["label"], explained["method"], explained["heat_map"]) == ("tulips", "cam", str(out))
    assert explained["score"] == next(entry["score"] for entry in line["candidates"] if entry["label"] == "tulips")
    with PIL.Image.open(out) as picture:
        assert picture.format == "JPEG"


def test_explain_option_writes_several_heatmaps_to_a_folder(album: Path, tmp_path: Path) -> None:
    result = run("classify", "--json", "--explain", tmp_path / "why", album)

    assert result.exit_code == 1  # because of the text file
    paths = sorted(line["explained"]["heat_map"] for line in lines_of(result) if "label" in line)
    assert paths == [str(tmp_path / "why" / name) for name in ("a-2.png", "a.png")]
    assert sorted(path.name for path in (tmp_path / "why").iterdir()) == ["a-2.png", "a.png"]


def test_explain_option_overwrites_no_picture(photo: Path) -> None:
    before = photo.read_bytes()

    over_itself = run("classify", "--explain", photo, photo)
    into_its_folder = run("classify", "--explain", photo.parent, photo)

    assert over_itself.exit_code == 2
    assert "choose another name" in over_itself.stderr
    assert into_its_folder.exit_code == 0
    assert (photo.parent / "photo-2.png").exists()
    assert photo.read_bytes() == before


def test_explain_option_uses_occlusion_without_a_feature_map(photo: Path, plain_folder: Path, tmp_path: Path) -> None:
    [line] = lines_of(run("classify", "--json", "--bundle", plain_folder, "--explain", tmp_path / "why.png", photo))

    assert line["explained"]["method"] == "occlusion"
    with PIL.Image.open(tmp_path / "why.png") as picture:
        warm = warmth(picture)
    assert warm[60:200, 350:550].mean() > 20 + warm[250:, :200].mean()


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("--explain", "why.txt"), "expected a name that ends with .png"),
        (("--explain", "why.png", "--label", "cat"), "expected one of: daisy"),
        (("--label", "daisy"), "--label needs --explain"),
    ],
)
def test_explain_option_is_checked_before_pictures_are_classified(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], fault: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("classify", *options, photo)

    assert result.exit_code == 2
    assert fault in " ".join(result.stderr.split())
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_explain_option_refuses_a_file_for_several_heatmaps(photo: Path, album: Path) -> None:
    result = run("classify", "--explain", album / "list.txt", photo, album)

    assert result.exit_code == 2
    assert "expected a folder" in " ".join(result.stderr.split())
