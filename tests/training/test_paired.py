"""Of candidates that were judged on the same pictures the plainest is chosen that cannot be told from the best."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from shared.training.paired import Tried, judged, plainest


def _logits(targets: npt.NDArray[np.int64], sure: float, seed: int, noise: float = 1.0) -> npt.NDArray[np.float64]:
    return sure * np.eye(3)[targets] + noise * np.random.default_rng(seed).normal(size=(len(targets), 3))


@pytest.fixture
def targets() -> npt.NDArray[np.int64]:
    """The true labels of 500 pictures."""
    return np.random.default_rng(0).integers(0, 3, 500)


def test_a_candidate_that_is_clearly_better_is_chosen(targets: npt.NDArray[np.int64]) -> None:
    tried = judged([(1.0, _logits(targets, 1, 1)), (0.5, _logits(targets, 4, 1))], targets)

    assert plainest(tried).value == 0.5
    assert tried[0].more_than_best > 5 * tried[0].error
    assert (tried[1].more_than_best, tried[1].error) == (0, 0)


def test_a_candidate_that_is_better_by_chance_is_not_chosen(targets: npt.NDArray[np.int64]) -> None:
    """Half of all pairs that do alike: where it is above, it is seldom above its own error by much."""
    one, other = _logits(targets, 2, 1), _logits(targets, 2, 1) + 0.001 * _logits(targets, 0, 2)

    assert plainest(judged([(1.0, one), (0.5, one.copy())], targets)).value == 1.0
    assert judged([(1.0, one), (0.5, other)], targets)[0].more_than_best < 0.001


def test_the_error_is_that_of_the_difference_and_not_of_the_figures(targets: npt.NDArray[np.int64]) -> None:
    """Candidates that are wrong about the same pictures can be told apart by little."""
    one = _logits(targets, 1.5, 1)
    better = one + 0.05 * np.eye(3)[targets]

    tried = judged([(1.0, one), (0.5, better)], targets)

    assert tried[0].error < 0.002
    assert plainest(tried).value == 0.5


def test_a_temperature_of_its_own_is_found_for_each(targets: npt.NDArray[np.int64]) -> None:
    one = _logits(targets, 2, 1)

    tried = judged([(1.0, 7 * one), (0.5, one)], targets)

    assert tried[0].nll == pytest.approx(tried[1].nll, abs=1e-3)


def test_the_first_of_all_that_do_as_well_is_taken() -> None:
    lines = [Tried(224, 0.9, 0.31, 0.02, 0.01), Tried(240, 0.9, 0.30, 0.01, 0.01), Tried(256, 0.9, 0.29, 0.0, 0.0)]

    assert plainest(lines).value == 240


def test_one_picture_has_no_error() -> None:
    tried = judged([(1.0, np.array([[1.0, 0.0]])), (0.5, np.array([[1.0, 0.0]]))], np.array([0]))

    assert plainest(tried).value == 1.0
