"""Two labels: how well one is told from the other, and from which score on it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

Floats = npt.NDArray[np.floating]
Truths = npt.NDArray[np.bool_]

LOWEST, HIGHEST = 0.02, 0.98
"""A threshold outside would hang on a handful of pictures."""

AS_GOOD = 0.003
"""Shares that differ by less cannot be told apart on some hundreds of pictures."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a threshold should reach, 0 to 1 each. Where it cannot reach both, it falls as little short as it can."""

    sensitivity: float = 0.95
    specificity: float = 0.91


@dataclass(frozen=True, slots=True)
class BinaryReport:
    """How a bundle of two labels does. Shares are 0 to 1, rounded to four digits."""

    positive: str
    """The label that the figures are about."""
    threshold: float
    """From which score on it is given."""
    auc: float | None
    """Area under the ROC curve: the chance that a positive picture scores above another; None without both labels."""
    sensitivity: float | None
    """Of the positive pictures, how many were given the label; None where there are none."""
    specificity: float | None
    """Of the others, how many were not given it; None where there are none."""

    def as_json(self) -> dict[str, Any]:
        """Return it as it stands in a manifest and in ``bucketlens evaluate --json``."""
        return {
            "positive": self.positive,
            "threshold": self.threshold,
            "auc": self.auc,
            "sensitivity": self.sensitivity,
            "specificity": self.specificity,
        }


def binary_report(positive: str, threshold: float, scores: Floats, truth: Truths, given: Truths) -> BinaryReport:
    """Compare the scores of one label, and where it was given, with the truth.

    Args:
        positive: the label.
        threshold: that the bundle declares, or 0.5.
        scores: of that label, shape (n,), 0 to 1.
        truth: whether the picture has it, shape (n,).
        given: whether it was given, shape (n,).
    """
    both = truth.any() and not truth.all()
    return BinaryReport(
        positive,
        threshold,
        auc=round(float(roc_auc_score(truth, scores)), 4) if both else None,
        sensitivity=round(float(given[truth].mean()), 4) if truth.any() else None,
        specificity=round(float(1 - given[~truth].mean()), 4) if not truth.all() else None,
    )


def best_threshold(conditions: Sequence[Floats], truth: Truths, wanted: Wanted) -> float:
    """Return the score from which on the positive label should be given.

    One error is bounded and the other made small, as Neyman and Pearson would: of the thresholds from 0.02 to 0.98 at
    which sensitivity is one standard error above what is wanted, the one with the highest specificity is taken; both
    are means over the conditions. Where that leaves specificity below what is wanted, it is the threshold at which
    the smaller of the two margins is largest. Where several do as well, it is the one in their middle, because new
    pictures may score a little higher or lower than those at hand.

    Args:
        conditions: scores of the positive label, calibrated, each of shape (n,): of the same pictures as they are, and
            under harder conditions.
        truth: whether the picture has the label, shape (n,); some do and some do not.
        wanted: of both kinds of pictures.
    """
    # in steps of equal odds: scores near 0 and 1 lie close together
    candidates = 1 / (1 + np.exp(-np.linspace(np.log(LOWEST / (1 - LOWEST)), np.log(HIGHEST / (1 - HIGHEST)), 781)))
    positives, negatives = (
        np.sort(np.concatenate([scores[side] for scores in conditions])) for side in (truth, ~truth)
    )
    sensitivity = 1 - np.searchsorted(positives, candidates) / len(positives)
    specificity = np.searchsorted(negatives, candidates) / len(negatives)
    error = np.sqrt(wanted.sensitivity * (1 - wanted.sensitivity) / truth.sum())
    worth = np.where(sensitivity >= min(1.0, wanted.sensitivity + error), specificity, -1.0)
    if worth.max() < wanted.specificity:
        worth = np.minimum(sensitivity - wanted.sensitivity, specificity - wanted.specificity)
    as_good = np.flatnonzero(worth >= worth.max() - AS_GOOD)
    around = as_good[np.argmin(np.abs(as_good - np.median(as_good)))]
    return round(float(candidates[around]), 4)
