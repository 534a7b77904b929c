"""Drift: which subjects are tested, what is found, and how rarely for nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from shared.monitoring.drift import Drift, drift_of
from shared.monitoring.window import STATISTICS, Pictures, Reference, without_signals
from tests.monitoring.drawn import drawn_pictures, drawn_reference, reordered

REFERENCE = drawn_reference(np.random.default_rng(0))


def drift(pictures: Pictures, reference: Reference = REFERENCE) -> Drift:
    return drift_of(pictures, reference, false_alarms=0.01, min_pictures=50)


def test_drift_tests_every_signal_once() -> None:
    result = drift(drawn_pictures(np.random.default_rng(1), 100))
    assert [test.subject for test in result.tests] == [*STATISTICS, "embeddings", "labels", "novelty"]
    assert (result.untested, result.covers_pictures) == ((), True)


def test_drift_alarms_in_at_most_1_percent_of_windows_without_drift() -> None:
    """The reference is drawn again each time, for of a single one all windows share the chance."""
    random = np.random.default_rng(2)
    windows = sum(bool(drift(drawn_pictures(random, 60), drawn_reference(random, 80)).drifted) for _ in range(60))
    assert windows <= 2  # at a rate of 1 %, three or more have a chance of 2 %


@pytest.mark.parametrize(
    ("subject", "changed"),
    [
        ("brightness", lambda random: drawn_pictures(random, 100, brightness=1)),
        ("embeddings", lambda random: drawn_pictures(random, 100, embedding=0.6)),
        ("labels", lambda random: drawn_pictures(random, 100, shares=(0.6, 0.1, 0.1, 0.1, 0.1))),
        ("novelty", lambda random: drawn_pictures(random, 200, novel=14)),
    ],
)
def test_drift_finds_a_change_of_each_subject_and_of_no_other(
    subject: str, changed: Callable[[np.random.Generator], Pictures]
) -> None:
    for seed in range(4):
        result = drift(changed(np.random.default_rng(seed)))
        assert [test.subject for test in result.drifted] == [subject]


def test_drift_describes_what_it_finds_with_numbers() -> None:
    random = np.random.default_rng(3)
    pictures = drawn_pictures(random, 200, brightness=2, novel=20, shares=(0.8, 0.05, 0.05, 0.05, 0.05))
    words = {test.subject: test.words for test in drift(pictures).drifted}
    assert words["brightness"] == (
        f"median {np.median(pictures.statistics[:, 0]):.3g}, "
        f"{np.median(REFERENCE.pictures.statistics[:, 0]):.3g} in the reference"
    )
    unfamiliar = int((pictures.novelty > REFERENCE.unfamiliar_above).sum())
    assert words["novelty"] == f"{unfamiliar} of 200 pictures are unfamiliar, 2 of 300 of the reference"
    assert f"daisy is given to {pictures.labels.count('daisy') / 200:.1%} of the pictures" in words["labels"]


def test_drift_ignores_the_order_of_the_pictures() -> None:
    random = np.random.default_rng(4)
    pictures = drawn_pictures(random, 120, embedding=0.2)
    shuffled = reordered(pictures, random.permutation(120))
    other_way = replace(REFERENCE, pictures=reordered(REFERENCE.pictures, random.permutation(300)))
    assert [test.p_value for test in drift(shuffled, other_way).tests] == [
        test.p_value for test in drift(pictures).tests
    ]


def test_drift_puts_the_most_certain_subject_first() -> None:
    drifted = drift(drawn_pictures(np.random.default_rng(5), 100, brightness=2, embedding=0.6)).drifted
    assert drifted[0].subject == "brightness"
    assert [test.p_value for test in drifted] == sorted(test.p_value for test in drifted)


def test_drift_leaves_out_what_too_few_rows_have_with_a_sentence_for_each() -> None:
    pictures = drawn_pictures(np.random.default_rng(6), 100)
    pictures.statistics[49:, 1] = np.nan
    pictures.embeddings[1:, 3] = np.nan
    pictures.novelty[:] = np.nan
    result = drift(pictures)
    assert [test.subject for test in result.tests] == [*(name for name in STATISTICS if name != "contrast"), "labels"]
    assert result.untested == (
        "contrast: known of 49 pictures of the window, expected 50 or more.",
        "embeddings: known of 1 picture of the window, expected 50 or more.",
        "novelty: known of no pictures of the window, expected 50 or more.",
    )


def test_drift_tests_the_rows_that_have_a_signal_where_others_lack_it() -> None:
    pictures = drawn_pictures(np.random.default_rng(7), 120, brightness=1)
    pictures.statistics[:20] = np.nan
    assert [test.subject for test in drift(pictures).drifted] == ["brightness"]


def test_drift_of_rows_without_signals_tests_labels_only() -> None:
    pictures = without_signals(["roses"] * 100, [0.9] * 100)
    result = drift(pictures)
    assert [test.subject for test in result.tests] == ["labels"]
    assert not result.covers_pictures
    assert len(result.untested) == 8


@pytest.mark.parametrize(
    ("reference", "subject"),
    [
        (replace(REFERENCE, unfamiliar_above=float("nan")), "novelty"),
        (replace(REFERENCE, unfamiliar_above=-1.0), "novelty"),
        (
            replace(REFERENCE, pictures=replace(REFERENCE.pictures, embeddings=np.empty((300, 0)))),
            "embeddings",
        ),
        (
            replace(REFERENCE, pictures=replace(REFERENCE.pictures, embeddings=np.ones((300, 3)))),
            "embeddings",
        ),
    ],
)
def test_drift_leaves_out_what_the_reference_lacks(reference: Reference, subject: str) -> None:
    result = drift(drawn_pictures(np.random.default_rng(8), 100), reference)
    assert subject not in {test.subject for test in result.tests}
    assert [reason.partition(":")[0] for reason in result.untested] == [subject]


def test_drift_needs_a_smaller_p_value_the_more_is_tested() -> None:
    """What would be a drift as the only test is none among nine."""
    pictures = drawn_pictures(np.random.default_rng(12), 100, shares=(0.4, 0.15, 0.15, 0.15, 0.15))
    [alone] = drift(without_signals(pictures.labels, pictures.scores.tolist())).tests
    [among_nine] = [test for test in drift(pictures).tests if test.subject == "labels"]
    assert alone.p_value == among_nine.p_value == alone.adjusted_p_value
    assert among_nine.adjusted_p_value == pytest.approx(9 * alone.p_value)
    assert (alone.is_found, among_nine.is_found) == (True, False)
