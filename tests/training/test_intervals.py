"""Intervals are those of the textbooks, and hold at their level."""

from __future__ import annotations

import numpy as np
import pytest

from shared.training.intervals import auc_interval, expected_elsewhere, share_interval


@pytest.mark.parametrize(
    ("share", "pictures", "interval"),
    [(0.9, 50, (0.786, 0.957)), (0.0, 10, (0.0, 0.278)), (1.0, 10, (0.722, 1.0)), (0.935, 550, (0.911, 0.953))],
)
def test_interval_of_a_share_is_wilsons(share: float, pictures: int, interval: tuple[float, float]) -> None:
    assert share_interval(share, pictures) == pytest.approx(interval, abs=1e-3)


def test_interval_of_a_share_holds_the_truth_at_its_level() -> None:
    counts = np.random.default_rng(0).binomial(200, 0.95, 4000)

    held = [low <= 0.95 <= high for low, high in (share_interval(count / 200, 200) for count in counts)]

    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_interval_of_an_auc_is_that_of_hanley_and_mcneil() -> None:
    """Their example: 51 and 58 pictures, an area of 0.893, a standard error of 0.032 (Radiology 143, page 32)."""
    low, high = auc_interval(0.893, 51, 58)

    assert high - low == pytest.approx(2 * 1.96 * 0.032, abs=0.006)


@pytest.mark.parametrize("auc", [0.0, 0.5, 1.0])
def test_interval_of_an_auc_stays_between_0_and_1(auc: float) -> None:
    low, high = auc_interval(auc, 3, 4)

    assert 0 <= low <= auc <= high <= 1
    assert high - low > 0.1


def test_interval_elsewhere_of_equal_conditions_is_the_sampling_error() -> None:
    expected, (low, high) = expected_elsewhere([0.95] * 12, 1000)

    assert expected == 0.95
    assert (low, high) == pytest.approx(share_interval(0.95, 1000), abs=0.004)


def test_interval_elsewhere_widens_with_differing_conditions() -> None:
    same, apart = expected_elsewhere([0.9, 0.9, 0.9], 500)[1], expected_elsewhere([0.8, 0.9, 0.95], 500)[1]

    assert apart[0] < same[0] < same[1] < apart[1]


def test_interval_elsewhere_of_perfect_conditions_is_below_1() -> None:
    expected, (low, _) = expected_elsewhere([1.0, 1.0, 1.0], 50)

    assert low < expected < 1
    assert low < 0.95


def test_interval_elsewhere_holds_the_next_condition_at_its_level() -> None:
    random = np.random.default_rng(1)
    inside = []
    for _ in range(600):
        odds = random.normal(3, 0.5, 13)
        *known, new = (random.binomial(2000, 1 / (1 + np.exp(-odd))) / 2000 for odd in odds)
        low, high = expected_elsewhere(known, 2000)[1]
        inside.append(low <= new <= high)

    assert np.mean(inside) == pytest.approx(0.95, abs=0.03)
