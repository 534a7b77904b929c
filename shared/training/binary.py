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
"""Margins that differ by less cannot be told apart on some hundreds of pictures."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a threshold should reach, 0 to 1 each. Where it cannot, it falls as little short as it can."""

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

    Of the thresholds from 0.02 to 0.98 the one is taken whose smallest margin - sensitivity or specificity above what
    is wanted of it, under the condition where it has least - is largest: which way the scores of new pictures drift is
    not known, so the worst case on either side counts. Where several do as well, it is the one in their middle.

    Args:
        conditions: scores of the positive label, calibrated, each of shape (n,): of the same pictures as they are, and
            under harder conditions.
        truth: whether the picture has the label, shape (n,); some do and some do not.
        wanted: of both kinds of pictures.
    """
    # in steps of equal odds: scores near 0 and 1 lie close together
    candidates = 1 / (1 + np.exp(-np.linspace(np.log(LOWEST / (1 - LOWEST)), np.log(HIGHEST / (1 - HIGHEST)), 781)))
    margins = np.min([_margins(scores, truth, wanted, candidates) for scores in conditions], axis=0)
    as_good = np.flatnonzero(margins >= margins.max() - AS_GOOD)
    around = as_good[np.argmin(np.abs(as_good - np.median(as_good)))]
    return round(float(candidates[around]), 4)


def _margins(scores: Floats, truth: Truths, wanted: Wanted, candidates: Floats) -> Floats:
    """At each candidate the smaller of two margins."""
    positives, negatives = np.sort(scores[truth]), np.sort(scores[~truth])
    sensitivity = 1 - np.searchsorted(positives, candidates) / len(positives)
    specificity = np.searchsorted(negatives, candidates) / len(negatives)
    return np.minimum(sensitivity - wanted.sensitivity, specificity - wanted.specificity)
