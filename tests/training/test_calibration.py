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
def test_the_temperature_undoes_a_factor_on_honest_logits(drawn: tuple[np.ndarray, np.ndarray], factor: float) -> None:
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


def test_training_and_serving_compute_the_same_scores(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    logits = drawn[0][0]

    assert calibrate_scores(logits, "logits", 1.7) == pytest.approx(probabilities(logits[np.newaxis], 1.7)[0], abs=1e-6)


def test_the_calibration_error_of_always_sure_and_half_right_is_one_half() -> None:
    assert expected_calibration_error(np.ones(10), np.arange(10) < 5) == pytest.approx(0.5)


def test_scores_that_are_right_as_often_as_they_say_have_no_calibration_error() -> None:
    assert expected_calibration_error(np.full(10, 0.8), np.arange(10) < 8) == pytest.approx(0)


def test_the_threshold_is_the_smallest_at_which_the_target_is_reached() -> None:
    scores = np.array([0.55, 0.62, 0.7, 0.8, 0.95])
    correct = np.array([True, False, True, True, True])

    assert review_threshold(scores, correct, 1.0) == 0.63
    assert review_threshold(scores, correct, 0.8) == 0.5


def test_the_threshold_is_the_highest_where_no_score_is_trustworthy() -> None:
    assert review_threshold(np.array([0.6, 0.95]), np.array([False, False]), 0.99) == 0.95
