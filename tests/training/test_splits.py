"""Pictures are divided by their content alone: they keep their side when others come, and groups stay together."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from shared.errors import Misconfigured
from shared.training.dataset import Example
from shared.training.splits import BY_ORDER, BY_THRESHOLD, folds_of, groups_of, place_of, split

PIXELS = np.zeros((1, 1, 3), np.uint8)
RULES = pytest.mark.parametrize("rule", [BY_THRESHOLD, BY_ORDER])


def _example(name: str, content: object, label: str = "sick") -> Example:
    return Example(Path(f"{name}.jpeg"), label, hashlib.sha256(str(content).encode()).hexdigest(), PIXELS)


def _examples(contents: dict[str, Sequence[int]]) -> list[Example]:
    return [
        _example(f"{label}{place}", number, label)
        for label, numbers in contents.items()
        for place, number in enumerate(numbers)
    ]


def _at(place: float, name: str, label: str) -> Example:
    """An example whose content stands at a place between 0 and 1, give or take a hundredth."""
    tried = (Example(Path(name), label, f"{number:064x}", PIXELS) for number in itertools.count())
    return next(one for one in tried if abs(place_of([one]) - place) < 0.01)


def _patients(side: Sequence[Example]) -> set[str]:
    return {one.path.name.split("_")[0] for one in side}


@RULES
def test_duplicates_never_straddle_the_split(rule: str) -> None:
    random = np.random.default_rng(3)
    examples = _examples({"a": random.integers(0, 40, 200).tolist(), "b": random.integers(100, 160, 200).tolist()})

    training, validation = split(examples, 0.2, rule=rule)

    assert len(training) + len(validation) == len(examples)
    assert not {one.sha256 for one in training} & {one.sha256 for one in validation}


def test_a_picture_keeps_its_side_when_others_are_added() -> None:
    """Which a share of each label, the rule of earlier bundles, does not promise."""
    before = _examples({"a": range(200), "b": range(1000, 1200)})
    after = _examples({"a": range(500), "b": range(1000, 1300), "c": range(2000, 2200)})

    held_out = {one.sha256 for one in split(before, 0.1)[1]}
    held_out_later = {one.sha256 for one in split(after, 0.1)[1]}

    assert held_out == held_out_later & {one.sha256 for one in before}
    moved = {one.sha256 for one in split(before, 0.1, rule=BY_ORDER)[1]}
    moved ^= {one.sha256 for one in split(after, 0.1, rule=BY_ORDER)[1]} & {one.sha256 for one in before}
    assert moved


def test_a_picture_keeps_its_fold_when_others_are_added() -> None:
    before, after = _examples({"a": range(100)}), _examples({"a": range(400), "b": range(1000, 1100)})

    old = {one.sha256: fold for fold, part in enumerate(folds_of(before, 5)) for one in part}
    new = {one.sha256: fold for fold, part in enumerate(folds_of(after, 5)) for one in part}

    assert old == {sha256: new[sha256] for sha256 in old}


def test_the_threshold_is_the_same_for_every_label() -> None:
    examples = _examples({"many": range(2000), "few": range(5000, 5300)})

    training, validation = split(examples, 0.2)

    assert max(place_of([one]) for one in validation) < 0.2 <= min(place_of([one]) for one in training)
    assert len(validation) == pytest.approx(460, abs=60)


def test_by_order_each_label_gives_its_share_to_validation() -> None:
    training, validation = split(_examples({"many": range(100), "few": range(1000, 1010)}), 0.2, rule=BY_ORDER)

    assert sum(one.label == "many" for one in validation) == 20
    assert sum(one.label == "few" for one in validation) == 2
    assert {one.label for one in training} == {"many", "few"}


@pytest.mark.parametrize(("share", "held_out"), [(0.29, 1), (0.3, 5), (0.49, 5)])
def test_by_order_a_group_is_held_out_where_at_least_half_of_it_is_wanted(share: float, held_out: int) -> None:
    """Of ten pictures in groups of 1, 4 and 5: with the first group, half of the second makes 3 of 10."""
    patients = "abbbbccccc"
    examples = [Example(Path(f"{patient}_{n}.jpeg"), "sick", f"{n:064x}", PIXELS) for n, patient in enumerate(patients)]

    assert len(split(examples, share, r"^._", rule=BY_ORDER)[1]) == held_out


@RULES
def test_names_and_order_do_not_change_the_split(rule: str) -> None:
    examples = _examples({"a": range(50), "b": range(100, 150)})
    renamed = [Example(Path(f"x{place}"), one.label, one.sha256, one.pixels) for place, one in enumerate(examples)]

    one = {example.sha256 for example in split(examples, 0.1, rule=rule)[1]}
    other = {example.sha256 for example in split(renamed[::-1], 0.1, rule=rule)[1]}

    assert one == other


@RULES
@pytest.mark.parametrize("share", [0.0, 0.9999])
def test_even_the_smallest_label_is_trained_and_validated_on(rule: str, share: float) -> None:
    training, validation = split(_examples({"a": [1, 2], "b": [3, 4]}), share, rule=rule)

    assert [{one.label for one in side} for side in (training, validation)] == [{"a", "b"}] * 2
    assert len(training) + len(validation) == 4


def test_where_the_threshold_leaves_a_label_on_one_side_the_picture_next_to_it_changes_sides() -> None:
    examples = [_at(place, f"{place}", label) for label, place in [("a", 0.3), ("a", 0.5), ("b", 0.01), ("b", 0.05)]]

    training, validation = split(examples, 0.1)

    assert {one.path.name for one in validation} == {"0.3", "0.01"}
    assert {one.path.name for one in training} == {"0.5", "0.05"}


@RULES
def test_a_label_with_one_picture_only_is_refused(rule: str) -> None:
    with pytest.raises(Misconfigured, match="'b' has one picture only"):
        split(_examples({"a": [1, 2], "b": [3, 3]}), 0.1, rule=rule)


@RULES
def test_files_of_one_patient_never_straddle_the_split(rule: str) -> None:
    examples = [_example(f"person{number // 3}_{number}", number) for number in range(300)]

    training, validation = split(examples, 0.2, r"person\d+", rule)

    assert not _patients(training) & _patients(validation)
    assert len(training) + len(validation) == 300
    assert 20 < len(validation) < 160


def test_the_least_content_of_a_patient_decides_for_all_of_them() -> None:
    group = [_example(f"person1_{number}", number) for number in range(9)]

    assert {place_of(group[:count]) for count in (1, 5, 9)} == {
        place_of([min(group[:count], key=lambda one: one.sha256)]) for count in (1, 5, 9)
    }


def test_large_groups_are_held_out_as_often_as_small_ones() -> None:
    """The least of many hashes is small; taken as it is, it would send nearly all of them below the threshold."""
    examples = [_example(f"person{number // 10}_{number}", number) for number in range(3000)]

    _, validation = split(examples, 0.2, r"person\d+")

    assert len(validation) == pytest.approx(600, abs=200)


@RULES
def test_patients_whose_pictures_have_equal_bytes_stay_together(rule: str) -> None:
    names = [("person1_a", 1), ("person1_b", 2), ("person2_a", 2), ("person2_b", 3), ("other", 4), ("another", 5)]
    examples = [_example(name, content) for name, content in names]

    sides = split(examples, 0.5, r"person\d+", rule)

    [side] = [one for one in sides if any(example.path.name.startswith("person1") for example in one)]
    assert sum(example.path.name.startswith("person") for example in side) == 4


@RULES
def test_one_patient_cannot_be_both_trained_and_validated_on(rule: str) -> None:
    examples = [_example(f"person7_{number}", number) for number in range(9)]

    with pytest.raises(Misconfigured, match="one group only"):
        split(examples, 0.1, r"person\d+", rule)


def test_a_patient_with_pictures_of_both_labels_is_in_one_fold() -> None:
    """Healthy today and ill tomorrow: a network would know the ribs again."""
    examples = [_example(f"person{number // 4}_{number}", number, ("ill", "well")[number % 2]) for number in range(400)]

    parts = folds_of(examples, 4, r"person\d+")

    for fold, part in enumerate(parts):
        others = [one for other, rest in enumerate(parts) if other != fold for one in rest]
        assert not _patients(part) & _patients(others)


def test_folds_are_of_about_the_same_size_and_hold_every_picture_once() -> None:
    examples = _examples({"a": range(1000), "b": range(2000, 3000)})

    parts = folds_of(examples, 5)

    assert [len(part) for part in parts] == pytest.approx([400] * 5, abs=70)
    assert sorted(one.sha256 for part in parts for one in part) == sorted(one.sha256 for one in examples)


@pytest.mark.parametrize("folds", [-1, 0, 1])
def test_fewer_than_two_folds_are_refused(folds: int) -> None:
    with pytest.raises(Misconfigured, match="2 or more are needed"):
        folds_of(_examples({"a": range(20)}), folds)


def test_fewer_pictures_than_folds_are_refused() -> None:
    with pytest.raises(Misconfigured, match="6 pictures cannot be divided among 7 folds"):
        folds_of(_examples({"a": range(3), "b": range(10, 13)}), 7)


def test_a_label_with_one_picture_cannot_be_in_folds_and_every_such_label_is_named() -> None:
    with pytest.raises(Misconfigured) as refused:
        folds_of(_examples({"a": range(50), "b": [100], "c": [200, 200]}), 3)

    assert [fault.split()[0] for fault in refused.value.faults] == ["'b'", "'c'"]
    assert "one picture only" in refused.value.faults[0]


def test_a_label_whose_pictures_are_all_of_one_group_is_refused() -> None:
    one = [_example(f"person1_{number}", number, "ill") for number in range(6)]

    with pytest.raises(Misconfigured, match="'ill' has one group only"):
        folds_of([*one, *_examples({"well": range(100, 150)})], 3, r"person\d+")


def test_a_label_that_falls_into_one_fold_whole_is_refused() -> None:
    examples = [_at(place, f"{place}", "a") for place in (0.1, 0.4, 0.6, 0.9)]
    examples += [_at(place, f"{place}", "b") for place in (0.2, 0.3)]

    with pytest.raises(Misconfigured, match="all pictures of 'b' fall into fold 1 of 2"):
        folds_of(examples, 2)


def test_a_fold_without_a_picture_is_refused() -> None:
    examples = [_at(place, f"{place}", label) for label, place in [("a", 0.1), ("a", 0.9), ("b", 0.2), ("b", 0.8)]]

    with pytest.raises(Misconfigured, match="fold 2 of 3 gets no picture"):
        folds_of(examples, 3)


def test_every_place_is_below_one() -> None:
    assert all(0 <= place_of([_example("a", number)]) < 1 for number in range(1000))


def test_a_file_whose_name_looks_like_a_digest_joins_no_other_group() -> None:
    digest = _example("a", 1).sha256
    examples = [_example("a", 1), _example(digest, 2), _example("c", 3)]

    assert len(groups_of(examples, "[0-9a-f]{64}")) == 3
