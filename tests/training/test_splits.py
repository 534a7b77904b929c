"""Pictures are divided by their content alone: they keep their side when others are added; groups stay together."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from shared.errors import Misconfigured
from shared.training.dataset import Example
from shared.training.splits import BY_ORDER, BY_THRESHOLD, folds_of, groups_of, position_of, split

PIXELS = np.zeros((1, 1, 3), np.uint8)
RULES = pytest.mark.parametrize("rule", [BY_THRESHOLD, BY_ORDER])


def _example(name: str, content: object, label: str = "sick") -> Example:
    return Example(Path(f"{name}.jpeg"), label, hashlib.sha256(str(content).encode()).hexdigest(), PIXELS)


def _examples(contents: dict[str, Sequence[int]]) -> list[Example]:
    return [
        _example(f"{label}{position}", number, label)
        for label, numbers in contents.items()
        for position, number in enumerate(numbers)
    ]


def _at(position: float, name: str, label: str) -> Example:
    """An example whose content stands at a place between 0 and 1, give or take a hundredth."""
    tried = (Example(Path(name), label, f"{number:064x}", PIXELS) for number in itertools.count())
    return next(example for example in tried if abs(position_of([example]) - position) < 0.01)


def _patients(side: Sequence[Example]) -> set[str]:
    return {example.path.name.split("_")[0] for example in side}


@RULES
def test_split_keeps_duplicates_together(rule: str) -> None:
    random = np.random.default_rng(3)
    examples = _examples({"a": random.integers(0, 40, 200).tolist(), "b": random.integers(100, 160, 200).tolist()})

    training, validation = split(examples, 0.2, rule=rule)

    assert len(training) + len(validation) == len(examples)
    assert not {example.sha256 for example in training} & {example.sha256 for example in validation}


def test_split_keeps_a_picture_on_its_side_when_others_are_added() -> None:
    """Which a share of each label, the rule of earlier bundles, does not promise."""
    before = _examples({"a": range(200), "b": range(1000, 1200)})
    after = _examples({"a": range(500), "b": range(1000, 1300), "c": range(2000, 2200)})

    held_out = {example.sha256 for example in split(before, 0.1)[1]}
    held_out_later = {example.sha256 for example in split(after, 0.1)[1]}

    assert held_out == held_out_later & {example.sha256 for example in before}
    moved = {example.sha256 for example in split(before, 0.1, rule=BY_ORDER)[1]}
    moved ^= {example.sha256 for example in split(after, 0.1, rule=BY_ORDER)[1]} & {
        example.sha256 for example in before
    }
    assert moved


def test_folds_keep_a_picture_when_others_are_added() -> None:
    before, after = _examples({"a": range(100)}), _examples({"a": range(400), "b": range(1000, 1100)})

    old = {example.sha256: fold for fold, part in enumerate(folds_of(before, 5)) for example in part}
    new = {example.sha256: fold for fold, part in enumerate(folds_of(after, 5)) for example in part}

    assert old == {sha256: new[sha256] for sha256 in old}


def test_split_has_the_same_threshold_for_every_label() -> None:
    examples = _examples({"many": range(2000), "few": range(5000, 5300)})

    training, validation = split(examples, 0.2)

    assert (
        max(position_of([example]) for example in validation)
        < 0.2
        <= min(position_of([example]) for example in training)
    )
    assert len(validation) == pytest.approx(460, abs=60)


def test_split_by_order_takes_the_share_of_each_label() -> None:
    training, validation = split(_examples({"many": range(100), "few": range(1000, 1010)}), 0.2, rule=BY_ORDER)

    assert sum(example.label == "many" for example in validation) == 20
    assert sum(example.label == "few" for example in validation) == 2
    assert {example.label for example in training} == {"many", "few"}


@pytest.mark.parametrize(("share", "held_out"), [(0.29, 1), (0.3, 5), (0.49, 5)])
def test_split_by_order_holds_out_a_group_if_half_of_it_is_due(share: float, held_out: int) -> None:
    """Of ten pictures in groups of 1, 4 and 5: with the first group, half of the second makes 3 of 10."""
    patients = "abbbbccccc"
    examples = [Example(Path(f"{patient}_{n}.jpeg"), "sick", f"{n:064x}", PIXELS) for n, patient in enumerate(patients)]

    assert len(split(examples, share, r"^._", rule=BY_ORDER)[1]) == held_out


@RULES
def test_split_does_not_depend_on_names_or_order(rule: str) -> None:
    examples = _examples({"a": range(50), "b": range(100, 150)})
    renamed = [
        Example(Path(f"x{position}"), example.label, example.sha256, example.pixels)
        for position, example in enumerate(examples)
    ]

    first = {example.sha256 for example in split(examples, 0.1, rule=rule)[1]}
    other = {example.sha256 for example in split(renamed[::-1], 0.1, rule=rule)[1]}

    assert first == other


@RULES
@pytest.mark.parametrize("share", [0.0, 0.9999])
def test_split_has_the_smallest_label_on_both_sides(rule: str, share: float) -> None:
    training, validation = split(_examples({"a": [1, 2], "b": [3, 4]}), share, rule=rule)

    assert [{example.label for example in side} for side in (training, validation)] == [{"a", "b"}] * 2
    assert len(training) + len(validation) == 4


def test_split_moves_the_picture_next_to_the_threshold() -> None:
    examples = [
        _at(position, f"{position}", label) for label, position in [("a", 0.3), ("a", 0.5), ("b", 0.01), ("b", 0.05)]
    ]

    training, validation = split(examples, 0.1)

    assert {example.path.name for example in validation} == {"0.3", "0.01"}
    assert {example.path.name for example in training} == {"0.5", "0.05"}


@RULES
def test_split_refuses_a_label_with_one_picture(rule: str) -> None:
    with pytest.raises(Misconfigured, match="'b' has one picture only"):
        split(_examples({"a": [1, 2], "b": [3, 3]}), 0.1, rule=rule)


@RULES
def test_split_keeps_a_patients_files_together(rule: str) -> None:
    examples = [_example(f"person{number // 3}_{number}", number) for number in range(300)]

    training, validation = split(examples, 0.2, r"person\d+", rule)

    assert not _patients(training) & _patients(validation)
    assert len(training) + len(validation) == 300
    assert 20 < len(validation) < 160


def test_split_decides_by_a_patients_least_sha256() -> None:
    group = [_example(f"person1_{number}", number) for number in range(9)]

    assert {position_of(group[:count]) for count in (1, 5, 9)} == {
        position_of([min(group[:count], key=lambda example: example.sha256)]) for count in (1, 5, 9)
    }


def test_split_holds_out_large_groups_as_often_as_small_ones() -> None:
    """The least of many hashes is small; taken as it is, it would send nearly all of them below the threshold."""
    examples = [_example(f"person{number // 10}_{number}", number) for number in range(3000)]

    _, validation = split(examples, 0.2, r"person\d+")

    assert len(validation) == pytest.approx(600, abs=200)


@RULES
def test_split_keeps_patients_with_equal_bytes_together(rule: str) -> None:
    names = [("person1_a", 1), ("person1_b", 2), ("person2_a", 2), ("person2_b", 3), ("other", 4), ("another", 5)]
    examples = [_example(name, content) for name, content in names]

    sides = split(examples, 0.5, r"person\d+", rule)

    [side] = [side for side in sides if any(example.path.name.startswith("person1") for example in side)]
    assert sum(example.path.name.startswith("person") for example in side) == 4


@RULES
def test_split_refuses_a_label_with_one_patient(rule: str) -> None:
    examples = [_example(f"person7_{number}", number) for number in range(9)]

    with pytest.raises(Misconfigured, match="one group only"):
        split(examples, 0.1, r"person\d+", rule)


def test_folds_keep_a_patient_of_both_labels_together() -> None:
    """Healthy today and ill tomorrow: a network would know the ribs again."""
    examples = [_example(f"person{number // 4}_{number}", number, ("ill", "well")[number % 2]) for number in range(400)]

    parts = folds_of(examples, 4, r"person\d+")

    for fold, part in enumerate(parts):
        others = [example for other, rest in enumerate(parts) if other != fold for example in rest]
        assert not _patients(part) & _patients(others)


def test_folds_are_of_similar_size_and_hold_every_picture_once() -> None:
    examples = _examples({"a": range(1000), "b": range(2000, 3000)})

    parts = folds_of(examples, 5)

    assert [len(part) for part in parts] == pytest.approx([400] * 5, abs=70)
    assert sorted(example.sha256 for part in parts for example in part) == sorted(
        example.sha256 for example in examples
    )


@pytest.mark.parametrize("folds", [-1, 0, 1])
def test_folds_fewer_than_two_are_refused(folds: int) -> None:
    with pytest.raises(Misconfigured, match="2 or more are needed"):
        folds_of(_examples({"a": range(20)}), folds)


def test_folds_refuse_fewer_pictures_than_folds() -> None:
    with pytest.raises(Misconfigured, match="6 pictures cannot be divided among 7 folds"):
        folds_of(_examples({"a": range(3), "b": range(10, 13)}), 7)


def test_folds_name_every_label_with_one_picture() -> None:
    with pytest.raises(Misconfigured) as refused:
        folds_of(_examples({"a": range(50), "b": [100], "c": [200, 200]}), 3)

    assert [fault.split()[0] for fault in refused.value.faults] == ["'b'", "'c'"]
    assert "one picture only" in refused.value.faults[0]


def test_folds_refuse_a_label_of_one_group() -> None:
    patient = [_example(f"person1_{number}", number, "ill") for number in range(6)]

    with pytest.raises(Misconfigured, match="'ill' has one group only"):
        folds_of([*patient, *_examples({"well": range(100, 150)})], 3, r"person\d+")


def test_folds_refuse_a_label_that_is_in_one_fold() -> None:
    examples = [_at(position, f"{position}", "a") for position in (0.1, 0.4, 0.6, 0.9)]
    examples += [_at(position, f"{position}", "b") for position in (0.2, 0.3)]

    with pytest.raises(Misconfigured, match="all pictures of 'b' fall into fold 1 of 2"):
        folds_of(examples, 2)


def test_folds_refuse_an_empty_fold() -> None:
    examples = [
        _at(position, f"{position}", label) for label, position in [("a", 0.1), ("a", 0.9), ("b", 0.2), ("b", 0.8)]
    ]

    with pytest.raises(Misconfigured, match="fold 2 of 3 gets no picture"):
        folds_of(examples, 3)


def test_position_of_a_group_is_below_one() -> None:
    assert all(0 <= position_of([_example("a", number)]) < 1 for number in range(1000))


def test_groups_do_not_confuse_a_name_with_a_digest() -> None:
    digest = _example("a", 1).sha256
    examples = [_example("a", 1), _example(digest, 2), _example("c", 3)]

    assert len(groups_of(examples, "[0-9a-f]{64}")) == 3
