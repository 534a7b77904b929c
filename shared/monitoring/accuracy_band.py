"""Accuracy without labels: a band between two estimates, of which the truth is usually in the middle.

The mean calibrated score is too high where pictures get harder, since a model stays too sure of itself: 0.89 on grey
flowers, of which 0.81 are right. Average Thresholded Confidence is too low there. Neither may alarm or calm alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from shared.monitoring.window import Floats, Validation
from shared.release.confidence_bounds import Z_TWO_SIDED as Z
from shared.release.confidence_bounds import score_interval


@dataclass(frozen=True, slots=True)
class AccuracyBand:
    """Estimated accuracy of a window. Shares are 0 to 1."""

    low: float
    """The lower estimate, as a rule that by Average Thresholded Confidence."""
    high: float
    """The higher estimate, as a rule the mean score."""
    least: float
    """The lower end of the 95 % interval of ``low``: sampling error alone."""
    most: float
    """The upper end of the 95 % interval of ``high``."""
    pictures: int

    def __str__(self) -> str:
        return f"{self.low:.1%} to {self.high:.1%} (with sampling error {self.least:.1%} to {self.most:.1%})"


def confidence_threshold(validation: Validation) -> float:
    """Return the score that as large a share of the validation pictures reaches as is right.

    Garg et al., "Leveraging Unlabeled Data to Predict Out-of-Distribution Performance" (2022),
    https://arxiv.org/abs/2201.04234, with the maximum score. Infinite where none is right.
    """
    wrong = int((~validation.is_right).sum())
    return float(np.sort(validation.scores)[wrong]) if wrong < len(validation.scores) else float("inf")


def accuracy_band(scores: Floats, validation: Validation) -> AccuracyBand:
    """Estimate the accuracy of pictures from their scores.

    Holds for drift of the pictures, not where the same pictures get other true labels: only an audit finds that.

    Args:
        scores: calibrated score of the label that was given, shape (n,), 0 to 1; n is at least 1.
        validation: of the same model.

    Raises:
        ValueError: there are no scores.
    """
    if not len(scores):
        raise ValueError("There are no scores; an estimate needs at least one.")
    mean, error = float(scores.mean()), float(scores.std()) / sqrt(len(scores))
    reached = float((scores >= confidence_threshold(validation)).mean())
    estimates = (
        (reached, *score_interval(reached, len(scores), Z)),
        (mean, max(0.0, mean - Z * error), min(1.0, mean + Z * error)),
    )
    low, high = sorted(estimates)
    return AccuracyBand(low[0], high[0], min(low[1], high[1]), max(low[2], high[2]), len(scores))
