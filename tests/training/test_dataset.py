"""A labelled folder is read whole, and split by content."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from shared.errors import Misconfigured
from shared.training.dataset import Example, read_dataset, split


def _examples(digests: dict[str, list[int]]) -> list[Example]:
    pixels = np.zeros((1, 1, 3), np.uint8)
    return [
        Example(Path(f"{label}/{place}.png"), label, f"{number:064x}", pixels)
        for label, numbers in digests.items()
        for place, number in enumerate(numbers)
    ]


def test_labels_are_the_sub_folders_in_order(shapes: Path) -> None:
    dataset = read_dataset(shapes)

    assert dataset.labels == ("disc", "square")
    assert dataset.counts == {"disc": 21, "square": 20}
    assert dataset.name == "shapes"


def test_a_file_that_does_not_decode_is_left_out_and_named_with_the_reason(shapes: Path) -> None:
    dataset = read_dataset(shapes)

    assert [bad.path.name for bad in dataset.bad_files] == ["note.jpg"]
    assert "no image format" in dataset.bad_files[0].reason


def test_the_same_bytes_under_two_labels_are_believed_under_neither(shapes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(shapes, folder)
    (folder / "square" / "disc.png").write_bytes((folder / "disc" / "05.png").read_bytes())

    dataset = read_dataset(folder)

    named = {bad.path.name for bad in dataset.bad_files}
    assert named == {"note.jpg", "05.png", "disc.png"}
    assert any("disc and square" in bad.reason for bad in dataset.bad_files)


def test_hidden_files_and_folders_are_passed_over(shapes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(shapes, folder)
    (folder / ".cache").mkdir()
    (folder / "disc" / ".DS_Store").write_bytes(b"x")

    dataset = read_dataset(folder)

    assert dataset.labels == ("disc", "square")
    assert len(dataset.bad_files) == 1


def test_the_fingerprint_follows_content_and_label_and_not_names(shapes: Path, tmp_path: Path) -> None:
    renamed, relabelled = tmp_path / "renamed", tmp_path / "relabelled"
    for folder in (renamed, relabelled):
        shutil.copytree(shapes, folder)
    (renamed / "disc" / "03.png").rename(renamed / "disc" / "other.png")
    (relabelled / "disc" / "03.png").rename(relabelled / "square" / "03b.png")

    original = read_dataset(shapes).fingerprint

    assert read_dataset(renamed).fingerprint == original
    assert read_dataset(relabelled).fingerprint != original


def test_pictures_are_kept_at_the_size_that_training_needs(shapes: Path) -> None:
    dataset = read_dataset(shapes, shrink_to_px=32)

    assert dataset.examples[0].pixels.shape == (40, 48, 3)


@pytest.mark.parametrize("missing", ["no folder", "no sub-folder", "an empty label"])
def test_data_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, missing: str) -> None:
    folder = tmp_path / "data"
    if missing != "no folder":
        folder.mkdir()
    if missing == "an empty label":
        (folder / "cat").mkdir()
    expected = {"no folder": "no such folder", "no sub-folder": "one sub-folder a label", "an empty label": "'cat'"}

    with pytest.raises(Misconfigured, match=expected[missing]):
        read_dataset(folder)


def test_duplicates_never_straddle_the_split() -> None:
    random = np.random.default_rng(3)
    examples = _examples({"a": random.integers(0, 40, 200).tolist(), "b": random.integers(100, 160, 200).tolist()})

    training, validation = split(examples, 0.2)

    assert len(training) + len(validation) == len(examples)
    assert not {one.sha256 for one in training} & {one.sha256 for one in validation}


def test_each_label_gives_its_share_to_validation() -> None:
    training, validation = split(_examples({"many": list(range(100)), "few": list(range(1000, 1010))}), 0.2)

    assert sum(one.label == "many" for one in validation) == 20
    assert sum(one.label == "few" for one in validation) == 2
    assert {one.label for one in training} == {"many", "few"}


def test_names_and_order_do_not_change_the_split() -> None:
    examples = _examples({"a": list(range(50)), "b": list(range(100, 150))})
    renamed = [Example(Path(f"x{place}"), one.label, one.sha256, one.pixels) for place, one in enumerate(examples)]

    one = {example.sha256 for example in split(examples, 0.1)[1]}
    other = {example.sha256 for example in split(renamed[::-1], 0.1)[1]}

    assert one == other


def test_even_the_smallest_label_is_trained_and_validated_on() -> None:
    training, validation = split(_examples({"a": [1, 2], "b": [3, 4]}), 0.0)

    assert [len(training), len(validation)] == [2, 2]


def test_a_label_with_one_picture_only_is_refused() -> None:
    with pytest.raises(Misconfigured, match="'b' has one picture only"):
        split(_examples({"a": [1, 2], "b": [3, 3]}), 0.1)


def test_files_of_one_patient_never_straddle_the_split() -> None:
    pixels = np.zeros((1, 1, 3), np.uint8)
    random = np.random.default_rng(4)
    examples = [
        Example(Path(f"person{number // 3}_{number}.jpeg"), "sick", f"{random.integers(2**62):064x}", pixels)
        for number in range(90)
    ]

    training, validation = split(examples, 0.2, r"person\d+")

    def patients(side: list[Example]) -> set[str]:
        return {one.path.name.split("_")[0] for one in side}

    assert not patients(training) & patients(validation)
    assert len(training) + len(validation) == 90
    assert len(validation) == pytest.approx(18, abs=2)


def test_patients_whose_pictures_have_equal_bytes_stay_together() -> None:
    pixels = np.zeros((1, 1, 3), np.uint8)
    names = [("person1_a", 1), ("person1_b", 2), ("person2_a", 2), ("person2_b", 3), ("other", 4), ("another", 5)]
    examples = [Example(Path(f"{name}.jpeg"), "sick", f"{number:064x}", pixels) for name, number in names]

    sides = split(examples, 0.5, r"person\d+")

    [side] = [one for one in sides if any(example.path.name.startswith("person1") for example in one)]
    assert sum(example.path.name.startswith("person") for example in side) == 4


def test_one_patient_cannot_be_both_trained_and_validated_on() -> None:
    pixels = np.zeros((1, 1, 3), np.uint8)
    examples = [Example(Path(f"person7_{number}.jpeg"), "sick", f"{number:064x}", pixels) for number in range(9)]

    with pytest.raises(Misconfigured, match="one group only"):
        split(examples, 0.1, r"person\d+")
