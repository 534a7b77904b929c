"""Two labels: how well the scores separate them, and the threshold between them."""

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
"""A threshold outside these would depend on a few pictures."""

AS_GOOD = 0.003
"""Shares that differ by less are equal within the error of some hundreds of pictures."""


@dataclass(frozen=True, slots=True)
class Goal:
    """The goal of a threshold, 0 to 1 each. Where both cannot be reached, the larger shortfall is made smallest."""

    sensitivity: float = 0.95
    specificity: float = 0.91


@dataclass(frozen=True, slots=True)
class BinaryReport:
    """The figures of a bundle of two labels. Shares are 0 to 1, rounded to four digits."""

    positive: str
    """The label that the figures are about."""
    threshold: float
    """The least score from which the positive label is predicted."""
    auc: float | None
    """Area under the ROC curve: the chance that a positive picture scores above another; None without both labels."""
    sensitivity: float | None
    """Share of the positive pictures that were predicted positive; None without any."""
    specificity: float | None
    """Share of the other pictures that were predicted negative; None without any."""

    def as_json(self) -> dict[str, Any]:
        """Return the report as in a manifest and in ``bucketlens evaluate --json``."""
        return {
            "positive": self.positive,
            "threshold": self.threshold,
            "auc": self.auc,
            "sensitivity": self.sensitivity,
            "specificity": self.specificity,
        }


def binary_report(positive: str, threshold: float, scores: Floats, truth: Truths, predicted: Truths) -> BinaryReport:
    """Compare the scores of one label, and where it was predicted, with the truth.

    Args:
        positive: the label.
        threshold: the bundle's threshold, or 0.5.
        scores: the label's scores, shape (n,), 0 to 1.
        truth: whether the picture has the label, shape (n,).
        predicted: whether the label was predicted, shape (n,).
    """
    both = truth.any() and not truth.all()
    return BinaryReport(
        positive,
        threshold,
        auc=round(float(roc_auc_score(truth, scores)), 4) if both else None,
        sensitivity=round(float(predicted[truth].mean()), 4) if truth.any() else None,
        specificity=round(float(1 - predicted[~truth].mean()), 4) if not truth.all() else None,
    )


def best_threshold(conditions: Sequence[Floats], truth: Truths, goal: Goal) -> float:
    """Return the least score from which the positive label should be predicted.

    One error is bounded and the other minimised, in the sense of Neyman and Pearson: of the thresholds from 0.02 to
    0.98 at which sensitivity is one standard error above its goal, the one with the highest specificity is taken; both
    are means over the conditions. Where that leaves specificity below its goal, it is the threshold at which the
    smaller of the two margins is largest. Of several equally good thresholds it is the middle one, because new pictures
    may score a little higher or lower.

    Args:
        conditions: scores of the positive label, calibrated, each of shape (n,): of the same pictures as they are, and
            under harder conditions.
        truth: whether the picture has the label, shape (n,); some do and some do not.
        goal: sensitivity and specificity to reach.
    """
    # in steps of equal odds, since scores crowd near 0 and 1
    candidates = 1 / (1 + np.exp(-np.linspace(np.log(LOWEST / (1 - LOWEST)), np.log(HIGHEST / (1 - HIGHEST)), 781)))
    positives, negatives = (
        np.sort(np.concatenate([scores[side] for scores in conditions])) for side in (truth, ~truth)
    )
    sensitivity = 1 - np.searchsorted(positives, candidates) / len(positives)
    specificity = np.searchsorted(negatives, candidates) / len(negatives)
    error = np.sqrt(goal.sensitivity * (1 - goal.sensitivity) / truth.sum())
    worth = np.where(sensitivity >= min(1.0, goal.sensitivity + error), specificity, -1.0)
    if worth.max() < goal.specificity:
        worth = np.minimum(sensitivity - goal.sensitivity, specificity - goal.specificity)
    as_good = np.flatnonzero(worth >= worth.max() - AS_GOOD)
    around = as_good[np.argmin(np.abs(as_good - np.median(as_good)))]
    return round(float(candidates[around]), 4)
