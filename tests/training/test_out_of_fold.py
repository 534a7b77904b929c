"""What the folds said is kept by content, comes back as it was, and is refused where it cannot be believed."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import pytest

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import Manifest
from shared.errors import Misconfigured
from shared.training.out_of_fold import Judged, is_in_folds, read_out_of_fold, said_of, write_out_of_fold
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


def test_it_comes_back_as_it_was_sorted_by_content(pictures: list[Judged], tmp_path: Path) -> None:
    kept = write_out_of_fold(tmp_path, pictures[::-1], LABELS)

    assert read_out_of_fold(tmp_path, _manifest(kept)) == pictures


def test_a_picture_that_lies_there_twice_has_two_lines(pictures: list[Judged], tmp_path: Path) -> None:
    kept = write_out_of_fold(tmp_path, [*pictures, pictures[0]], LABELS)

    assert len(read_out_of_fold(tmp_path, _manifest(kept))) == 41


def test_a_picture_in_two_folds_is_refused(pictures: list[Judged], tmp_path: Path) -> None:
    twice = dataclasses.replace(pictures[0], fold=2)
    kept = write_out_of_fold(tmp_path, [*pictures, twice], LABELS)

    with pytest.raises(Misconfigured, match="in two folds"):
        read_out_of_fold(tmp_path, _manifest(kept))


def test_other_labels_are_refused(pictures: list[Judged], tmp_path: Path) -> None:
    kept = write_out_of_fold(tmp_path, [dataclasses.replace(one, label="orchid") for one in pictures], LABELS)

    with pytest.raises(Misconfigured, match="other labels than flowers 1"):
        read_out_of_fold(tmp_path, _manifest(kept))


def test_the_bundles_temperature_and_review_score_are_used(pictures: list[Judged]) -> None:
    manifest = dataclasses.replace(_manifest({}), temperature=1.0, review_below=0.5)

    sure = said_of(pictures, manifest)
    unsure = said_of(pictures, dataclasses.replace(manifest, temperature=50.0))

    assert [one.label for one in sure] == [one.label for one in pictures] == [one.label for one in unsure]
    assert not any(one.needs_review for one in sure)
    assert all(one.needs_review for one in unsure)


def test_bundles_from_before_are_not_in_folds() -> None:
    assert not is_in_folds(load_bundle(MODELS / "flowers_v1").manifest)
    assert is_in_folds(_manifest({}))


def test_a_picture_that_is_surely_something_else_is_a_suspect(pictures: list[Judged]) -> None:
    wrong, unsure = _judged(100, "roses", 4, by=9.0), _judged(101, "roses", 4, by=0.2)

    found = suspects([*pictures, wrong, unsure], LABELS, 1.0)

    assert [(one.sha256, rather) for one, _, rather, _ in found] == [(wrong.sha256, "tulips")]
    assert found[0][1] < 0.01 < 0.99 < found[0][3]


def test_the_likeliest_mistakes_come_first_and_files_are_named(pictures: list[Judged], tmp_path: Path) -> None:
    wrong = [_judged(100, "roses", 4, by=8.0), _judged(101, "daisy", 2, by=12.0)]
    names = {one.sha256: f"pictures/{number}.jpg" for number, one in enumerate([*pictures, *wrong])}

    count = write_suspects(tmp_path / "suspects.csv", [*pictures, *wrong], LABELS, 1.0, names)

    with (tmp_path / "suspects.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert count == len(rows) == 2
    assert [(row["file"], row["label"], row["rather"]) for row in rows] == [
        ("pictures/41.jpg", "daisy", "roses"),
        ("pictures/40.jpg", "roses", "tulips"),
    ]


def test_a_label_that_nobody_was_right_about_suspects_nobody() -> None:
    assert suspects([_judged(1, "roses", 4, by=0.3)], LABELS, 1.0) == []
