"""Calibrate scores: the temperature, the remaining calibration error, and the score below which a person reviews."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Targets = npt.NDArray[np.int64]

TEMPERATURES = np.geomspace(0.05, 20, 4001)
"""Steps of 0.15 %: finer than the error of any validation set."""

ECE_BINS = 15
LOWEST_REVIEW, HIGHEST_REVIEW = 0.5, 0.95


def probabilities(logits: Floats, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Return softmax(logits / temperature) for each row, shape (n, labels)."""
    scaled = logits.astype(np.float64) / temperature
    odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    result: npt.NDArray[np.float64] = odds / odds.sum(axis=1, keepdims=True)
    return result


def negative_log_likelihood(logits: Floats, targets: Targets, temperature: float = 1.0) -> float:
    """Return the mean of -log(score of the true label), in nats; 0 is perfect."""
    return float(losses_of(logits, targets, temperature).mean())


def losses_of(logits: Floats, targets: Targets, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Return -log(score of the true label) of each picture, in nats, shape (n,)."""
    true_scores = probabilities(logits, temperature)[np.arange(len(targets)), targets]
    losses: npt.NDArray[np.float64] = -np.log(np.clip(true_scores, 1e-12, 1))
    return losses


def best_temperature(logits: Floats, targets: Targets) -> float:
    """Return the temperature with the least negative log-likelihood (Guo et al., 2017).

    Args:
        logits: shape (n, labels), of pictures that the network was not trained on.
        targets: index of the true label, shape (n,).
    """
    losses = [negative_log_likelihood(logits, targets, temperature) for temperature in TEMPERATURES]
    return round(float(TEMPERATURES[int(np.argmin(losses))]), 4)


@dataclass(frozen=True, slots=True)
class Bin:
    """Pictures of about the same score, for a reliability diagram."""

    score: float
    """Their mean score, 0 to 1."""
    right: float
    """The share of them that has the score's label, 0 to 1."""
    images: int


def reliability(scores: Floats, correct: npt.NDArray[np.bool_]) -> list[Bin]:
    """Compare scores with how often they are right, over 15 bins of equal width; bins without a picture are left out.

    Args:
        scores: of one label of each picture, 0 to 1, shape (n,).
        correct: whether that label is the true one, shape (n,).
    """
    bins = _bins(scores)
    return [
        Bin(float(scores[bins == b].mean()), float(correct[bins == b].mean()), int((bins == b).sum()))
        for b in np.unique(bins)
    ]


def expected_calibration_error(scores: Floats, correct: npt.NDArray[np.bool_]) -> float:
    """Return the mean distance between score and accuracy over 15 bins of equal width (Guo et al., 2017).

    Args:
        scores: of each picture's best label, 0 to 1, shape (n,).
        correct: whether that label is the true one, shape (n,).
    """
    bins = _bins(scores)
    gaps = [abs(float((correct[bins == b] - scores[bins == b]).sum())) for b in range(ECE_BINS)]
    return sum(gaps) / len(scores)


def review_threshold(scores: Floats, correct: npt.NDArray[np.bool_], target_accuracy: float) -> float:
    """Return the smallest score, 0.50 to 0.95 in steps of 0.01, above which predictions reach a target accuracy.

    Args:
        scores: of each picture's best label, shape (n,).
        correct: whether that label is the true one, shape (n,).
        target_accuracy: share of correct predictions among those with at least that score.

    Returns:
        0.95 where no threshold reaches the target.
    """
    for threshold in np.arange(LOWEST_REVIEW, HIGHEST_REVIEW, 0.01).round(2):
        accepted = scores >= threshold
        if accepted.any() and correct[accepted].mean() >= target_accuracy:
            return float(threshold)
    return HIGHEST_REVIEW


def _bins(scores: Floats) -> npt.NDArray[np.int64]:
    return np.minimum((scores * ECE_BINS).astype(np.int64), ECE_BINS - 1)
