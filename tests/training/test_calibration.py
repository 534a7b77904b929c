"""Temperature, calibration error and review threshold do what their papers and docstrings say."""

from __future__ import annotations

import numpy as np
import pytest

from shared.inference.classifier import calibrate_scores
from shared.training.calibration import (
    best_temperature,
    expected_calibration_error,
    negative_log_likelihood,
    probabilities,
    review_threshold,
)

LABELS = 4


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Logits, and targets drawn with just the probabilities that those logits give."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (4000, LABELS)).astype(np.float32)
    targets = np.array([random.choice(LABELS, p=row) for row in probabilities(logits)])
    return logits, targets


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_temperature_undoes_a_factor_on_calibrated_logits(drawn: tuple[np.ndarray, np.ndarray], factor: float) -> None:
    logits, targets = drawn

    assert best_temperature(logits * factor, targets) == pytest.approx(factor, rel=0.1)


def test_calibration_lowers_loss_and_error_of_overconfident_logits(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    logits, targets = drawn[0] * 3, drawn[1]
    temperature = best_temperature(logits, targets)

    def error(at: float) -> float:
        scores = probabilities(logits, at)
        return expected_calibration_error(scores.max(axis=1), scores.argmax(axis=1) == targets)

    assert negative_log_likelihood(logits, targets, temperature) < negative_log_likelihood(logits, targets)
    assert error(temperature) < 0.03 < 0.1 < error(1.0)


def test_scores_are_equal_in_training_and_serving(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    logits = drawn[0][0]

    assert calibrate_scores(logits, "logits", 1.7) == pytest.approx(probabilities(logits[np.newaxis], 1.7)[0], abs=1e-6)


def test_calibration_error_of_certain_and_half_right_is_one_half() -> None:
    assert expected_calibration_error(np.ones(10), np.arange(10) < 5) == pytest.approx(0.5)


def test_calibration_error_of_calibrated_scores_is_zero() -> None:
    assert expected_calibration_error(np.full(10, 0.8), np.arange(10) < 8) == pytest.approx(0)


def test_review_threshold_is_the_smallest_that_reaches_the_target() -> None:
    scores = np.array([0.55, 0.62, 0.7, 0.8, 0.95])
    correct = np.array([True, False, True, True, True])

    assert review_threshold(scores, correct, 1.0) == 0.63
    assert review_threshold(scores, correct, 0.8) == 0.5


def test_review_threshold_is_the_highest_where_none_reaches_the_target() -> None:
    assert review_threshold(np.array([0.6, 0.95]), np.array([False, False]), 0.99) == 0.95
