"""Out-of-fold predictions are kept by content, read as written, and refused where they are inconsistent."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import pytest

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import Manifest
from shared.errors import Misconfigured
from shared.training.out_of_fold import Judged, classifications_of, is_in_folds, read_out_of_fold, write_out_of_fold
from shared.training.suspects import suspects, write_suspects

LABELS = ("daisy", "dandelion", "roses", "sunflowers", "tulips")


def _judged(number: int, label: str, best: int, fold: int = 1, by: float = 5.0) -> Judged:
    return Judged(f"{number:064x}", label, fold, tuple(by if index == best else 0.1234 for index in range(5)))


@pytest.fixture
def pictures() -> list[Judged]:
    """Forty pictures that were judged right, by two networks."""
    return [_judged(number, LABELS[number % 5], number % 5, 1 + number % 2) for number in range(40)]


def _manifest(kept: dict[str, str]) -> Manifest:
    lineage = {"folds": {"count": 2}, "out_of_fold": kept}
    return dataclasses.replace(load_bundle(MODELS / "flowers_v1").manifest, lineage=lineage)


def test_out_of_fold_file_is_read_as_written_sorted_by_sha256(pictures: list[Judged], tmp_path: Path) -> None:
    kept = write_out_of_fold(tmp_path, pictures[::-1], LABELS)

    assert read_out_of_fold(tmp_path, _manifest(kept)) == pictures


def test_out_of_fold_file_has_two_lines_for_a_repeated_picture(pictures: list[Judged], tmp_path: Path) -> None:
    kept = write_out_of_fold(tmp_path, [*pictures, pictures[0]], LABELS)

    assert len(read_out_of_fold(tmp_path, _manifest(kept))) == 41


def test_out_of_fold_file_with_a_picture_in_two_folds_is_refused(pictures: list[Judged], tmp_path: Path) -> None:
    twice = dataclasses.replace(pictures[0], fold=2)
    kept = write_out_of_fold(tmp_path, [*pictures, twice], LABELS)

    with pytest.raises(Misconfigured, match="in two folds"):
        read_out_of_fold(tmp_path, _manifest(kept))


def test_out_of_fold_file_with_other_labels_is_refused(pictures: list[Judged], tmp_path: Path) -> None:
    kept = write_out_of_fold(tmp_path, [dataclasses.replace(picture, label="orchid") for picture in pictures], LABELS)

    with pytest.raises(Misconfigured, match="other labels than flowers 1"):
        read_out_of_fold(tmp_path, _manifest(kept))


def test_out_of_fold_classifications_use_the_bundles_decision(pictures: list[Judged]) -> None:
    manifest = dataclasses.replace(_manifest({}), temperature=1.0, review_below=0.5)

    sure = classifications_of(pictures, manifest)
    unsure = classifications_of(pictures, dataclasses.replace(manifest, temperature=50.0))

    assert (
        [picture.label for picture in sure]
        == [picture.label for picture in pictures]
        == [picture.label for picture in unsure]
    )
    assert not any(result.needs_review for result in sure)
    assert all(result.needs_review for result in unsure)


def test_is_in_folds_is_false_for_older_bundles() -> None:
    assert not is_in_folds(load_bundle(MODELS / "flowers_v1").manifest)
    assert is_in_folds(_manifest({}))


def test_suspects_include_a_picture_that_is_clearly_another_label(pictures: list[Judged]) -> None:
    wrong, unsure = _judged(100, "roses", 4, by=9.0), _judged(101, "roses", 4, by=0.2)

    mistakes = suspects([*pictures, wrong, unsure], LABELS, 1.0)

    assert [(picture.sha256, rather) for picture, _, rather, _ in mistakes] == [(wrong.sha256, "tulips")]
    assert mistakes[0][1] < 0.01 < 0.99 < mistakes[0][3]


def test_suspects_are_written_likeliest_mistakes_first(pictures: list[Judged], tmp_path: Path) -> None:
    wrong = [_judged(100, "roses", 4, by=8.0), _judged(101, "daisy", 2, by=12.0)]
    names = {picture.sha256: f"pictures/{number}.jpg" for number, picture in enumerate([*pictures, *wrong])}

    count = write_suspects(tmp_path / "suspects.csv", [*pictures, *wrong], LABELS, 1.0, names)

    with (tmp_path / "suspects.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert count == len(rows) == 2
    assert [(row["file"], row["label"], row["rather"]) for row in rows] == [
        ("pictures/41.jpg", "daisy", "roses"),
        ("pictures/40.jpg", "roses", "tulips"),
    ]


def test_suspects_are_empty_for_a_label_without_a_correct_picture() -> None:
    assert suspects([_judged(1, "roses", 4, by=0.3)], LABELS, 1.0) == []
