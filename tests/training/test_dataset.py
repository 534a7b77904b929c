"""A labelled folder is read completely."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shared.errors import Misconfigured
from shared.training.dataset import read_dataset


def test_dataset_labels_are_the_sorted_sub_folders(shapes: Path) -> None:
    dataset = read_dataset(shapes)

    assert dataset.labels == ("disc", "square")
    assert dataset.counts == {"disc": 21, "square": 20}
    assert dataset.name == "shapes"


def test_dataset_names_files_that_do_not_decode(shapes: Path) -> None:
    dataset = read_dataset(shapes)

    assert [bad.path.name for bad in dataset.bad_files] == ["note.jpg"]
    assert "not in a supported image format" in dataset.bad_files[0].reason


def test_dataset_leaves_out_the_same_bytes_under_two_labels(shapes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(shapes, folder)
    (folder / "square" / "disc.png").write_bytes((folder / "disc" / "05.png").read_bytes())

    dataset = read_dataset(folder)

    named = {bad.path.name for bad in dataset.bad_files}
    assert named == {"note.jpg", "05.png", "disc.png"}
    assert any("disc and square" in bad.reason for bad in dataset.bad_files)


def test_dataset_skips_hidden_files_and_folders(shapes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(shapes, folder)
    (folder / ".cache").mkdir()
    (folder / "disc" / ".DS_Store").write_bytes(b"x")

    dataset = read_dataset(folder)

    assert dataset.labels == ("disc", "square")
    assert len(dataset.bad_files) == 1


def test_dataset_fingerprint_depends_on_content_and_labels_only(shapes: Path, tmp_path: Path) -> None:
    renamed, relabelled = tmp_path / "renamed", tmp_path / "relabelled"
    for folder in (renamed, relabelled):
        shutil.copytree(shapes, folder)
    (renamed / "disc" / "03.png").rename(renamed / "disc" / "other.png")
    (relabelled / "disc" / "03.png").rename(relabelled / "square" / "03b.png")

    original = read_dataset(shapes).fingerprint

    assert read_dataset(renamed).fingerprint == original
    assert read_dataset(relabelled).fingerprint != original


def test_dataset_keeps_pictures_at_the_training_size(shapes: Path) -> None:
    dataset = read_dataset(shapes, shrink_to_px=32)

    assert dataset.examples[0].pixels.shape == (40, 48, 3)


@pytest.mark.parametrize("missing", ["no folder", "no sub-folder", "an empty label"])
def test_dataset_refuses_unusable_data_with_the_reason(tmp_path: Path, missing: str) -> None:
    folder = tmp_path / "data"
    if missing != "no folder":
        folder.mkdir()
    if missing == "an empty label":
        (folder / "cat").mkdir()
    expected = {"no folder": "does not exist", "no sub-folder": "one sub-folder a label", "an empty label": "'cat'"}

    with pytest.raises(Misconfigured, match=expected[missing]):
        read_dataset(folder)
