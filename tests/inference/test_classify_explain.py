"""``bucketlens classify --explain``: the answer as usual, and a heat map over each picture."""

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
    """Two pictures of one name in two folders, and a file that is none."""
    for folder in ("album", "album/more"):
        (tmp_path / folder).mkdir()
        drawn()["daisy"].save(tmp_path / folder / "a.jpg")
    (tmp_path / "album" / "list.txt").write_text("no picture", "utf-8")
    return tmp_path / "album"


def warmth(picture: PIL.Image.Image) -> np.ndarray:
    """How much more red than blue there is, shape (height, width)."""
    values = np.asarray(picture.convert("RGB")).astype(int)
    found: np.ndarray = values[..., 0] - values[..., 2]
    return found


def test_the_heat_map_lies_over_the_picture_and_the_label_is_printed_as_usual(photo: Path, tmp_path: Path) -> None:
    result = run("classify", "--explain", tmp_path / "out" / "why.png", photo)

    assert result.exit_code == 0, result.output
    assert "sunflowers" in result.stdout
    assert "why.png" in result.stderr
    with PIL.Image.open(tmp_path / "out" / "why.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (600, 448))
        warm = warmth(picture)
    assert warm[100:200, 350:450].mean() > 20 + warm[250:, :200].mean()


def test_json_says_what_was_explained_and_where_it_is(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "why.jpg"
    [plain] = lines_of(run("classify", "--json", photo))
    [line] = lines_of(run("classify", "--json", "--explain", out, "--label", "tulips", photo))

    explained = line.pop("explained")
    assert line == plain
    assert (explained["label"], explained["method"], explained["heat_map"]) == ("tulips", "cam", str(out))
    assert explained["score"] == next(one["score"] for one in line["candidates"] if one["label"] == "tulips")
    with PIL.Image.open(out) as picture:
        assert picture.format == "JPEG"


def test_of_several_files_the_heat_maps_go_to_a_folder_and_none_over_another(album: Path, tmp_path: Path) -> None:
    result = run("classify", "--json", "--explain", tmp_path / "why", album)

    assert result.exit_code == 1  # for the file that is no picture
    places = sorted(line["explained"]["heat_map"] for line in lines_of(result) if "label" in line)
    assert places == [str(tmp_path / "why" / name) for name in ("a-2.png", "a.png")]
    assert sorted(path.name for path in (tmp_path / "why").iterdir()) == ["a-2.png", "a.png"]


def test_no_picture_is_written_over(photo: Path) -> None:
    before = photo.read_bytes()

    over_itself = run("classify", "--explain", photo, photo)
    into_its_folder = run("classify", "--explain", photo.parent, photo)

    assert over_itself.exit_code == 2
    assert "expected another name" in over_itself.stderr
    assert into_its_folder.exit_code == 0
    assert (photo.parent / "photo-2.png").exists()
    assert photo.read_bytes() == before


def test_a_model_without_a_feature_map_is_explained_by_occlusion(
    photo: Path, plain_folder: Path, tmp_path: Path
) -> None:
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
        (("--label", "daisy"), "--explain, which is missing"),
    ],
)
def test_what_cannot_be_written_is_said_before_anything_is_classified(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], fault: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("classify", *options, photo)

    assert result.exit_code == 2
    assert fault in " ".join(result.stderr.split())
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_a_file_is_no_folder_for_the_heat_maps_of_several(photo: Path, album: Path) -> None:
    result = run("classify", "--explain", album / "list.txt", photo, album)

    assert result.exit_code == 2
    assert "expected a folder" in " ".join(result.stderr.split())
