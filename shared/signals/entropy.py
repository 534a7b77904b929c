"""Entropy of the scores: how undecided a model is between its labels."""

from __future__ import annotations

import numpy as np

from shared.types import Scores


def entropy_of(scores: Scores) -> float:
    """Return the entropy of calibrated scores in bits: 0 where one label has all, log2(labels) where all are equal.

    Shannon, "A Mathematical Theory of Communication" (1948).

    Args:
        scores: shape (labels,), each 0 to 1, together 1.
    """
    values = scores.astype(np.float64)
    positive = values[values > 0]
    return max(0.0, float(-(positive * np.log2(positive)).sum()))
