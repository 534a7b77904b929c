"""Entropy of the scores: how undecided a model is between its labels."""

from __future__ import annotations

import math

from shared.types import Scores


def entropy_of(scores: Scores) -> float:
    """Return the entropy of calibrated scores in bits: 0 where one label has all, log2(labels) where all are equal.

    Shannon, "A Mathematical Theory of Communication" (1948).

    Args:
        scores: shape (labels,), each 0 to 1, together 1.
    """
    values: list[float] = scores.tolist()
    return max(0.0, -sum(score * math.log2(score) for score in values if score > 0))
