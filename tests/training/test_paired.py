"""Of candidates on the same pictures, the plainest that does not differ clearly from the best is chosen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from shared.training.paired import Tried, compare_candidates, plainest_candidate


def _logits(targets: npt.NDArray[np.int64], sure: float, seed: int, noise: float = 1.0) -> npt.NDArray[np.float64]:
    return sure * np.eye(3)[targets] + noise * np.random.default_rng(seed).normal(size=(len(targets), 3))


@pytest.fixture
def targets() -> npt.NDArray[np.int64]:
    """The true labels of 500 pictures."""
    return np.random.default_rng(0).integers(0, 3, 500)


def test_plainest_candidate_may_be_a_clearly_better_one(targets: npt.NDArray[np.int64]) -> None:
    tried = compare_candidates([(1.0, _logits(targets, 1, 1)), (0.5, _logits(targets, 4, 1))], targets)

    assert plainest_candidate(tried).value == 0.5
    assert tried[0].more_than_best > 5 * tried[0].error
    assert (tried[1].more_than_best, tried[1].error) == (0, 0)


def test_plainest_candidate_is_not_one_that_is_better_by_chance(targets: npt.NDArray[np.int64]) -> None:
    """Half of all pairs that do alike: where it is above, it is seldom above its own error by much."""
    first, other = _logits(targets, 2, 1), _logits(targets, 2, 1) + 0.001 * _logits(targets, 0, 2)

    assert plainest_candidate(compare_candidates([(1.0, first), (0.5, first.copy())], targets)).value == 1.0
    assert compare_candidates([(1.0, first), (0.5, other)], targets)[0].more_than_best < 0.001


def test_candidates_error_is_that_of_the_difference(targets: npt.NDArray[np.int64]) -> None:
    """Candidates that are wrong about the same pictures can be told apart by little."""
    candidate = _logits(targets, 1.5, 1)
    better = candidate + 0.05 * np.eye(3)[targets]

    tried = compare_candidates([(1.0, candidate), (0.5, better)], targets)

    assert tried[0].error < 0.002
    assert plainest_candidate(tried).value == 0.5


def test_candidates_each_get_their_own_temperature(targets: npt.NDArray[np.int64]) -> None:
    candidate = _logits(targets, 2, 1)

    tried = compare_candidates([(1.0, 7 * candidate), (0.5, candidate)], targets)

    assert tried[0].nll == pytest.approx(tried[1].nll, abs=1e-3)


def test_plainest_candidate_is_the_first_of_equals() -> None:
    lines = [Tried(224, 0.9, 0.31, 0.02, 0.01), Tried(240, 0.9, 0.30, 0.01, 0.01), Tried(256, 0.9, 0.29, 0.0, 0.0)]

    assert plainest_candidate(lines).value == 240


def test_candidates_error_of_one_picture_is_zero() -> None:
    tried = compare_candidates([(1.0, np.array([[1.0, 0.0]])), (0.5, np.array([[1.0, 0.0]]))], np.array([0]))

    assert plainest_candidate(tried).value == 1.0
