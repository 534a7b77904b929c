"""Intervals of measured figures: for other pictures of the same kind, and for pictures from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shared.release.confidence_bounds import Z_TWO_SIDED as Z
from shared.release.confidence_bounds import area_interval, score_interval

Interval = tuple[float, float]
"""95 %: lower and upper end, 0 to 1."""


def share_interval(share: float, pictures: int) -> Interval:
    """Return the score interval of a share, rounded to four digits.

    Args:
        share: 0 to 1.
        pictures: number of pictures it was counted on, at least 1, taken as independent of each other.
    """
    return _rounded(*score_interval(share, pictures, Z))


def auc_interval(auc: float, positives: int, negatives: int) -> Interval:
    """Return the interval of an area under the ROC curve, rounded to four digits.

    Args:
        auc: 0 to 1.
        positives: number of pictures with the positive label, at least 1.
        negatives: number of other pictures, at least 1.
    """
    return _rounded(*area_interval(auc, positives, negatives, Z))


def expected_elsewhere(shares: Sequence[float], pictures: int) -> tuple[float, Interval]:
    """Return the expected share under one more condition like the measured ones, and its 95 % interval.

    On the scale of log odds, where shares near 1 spread evenly: the mean over the conditions, and Student's prediction
    interval of their spread with the sampling error of the pictures added. Artificial conditions are not a sample of
    hospitals, so the interval holds for places that differ from the training's as these conditions do, and no more.

    Args:
        shares: the share under each condition, at least two.
        pictures: number of pictures that each was counted on, at least 1.
    """
    counted = np.clip(np.asarray(shares, np.float64), 0.5 / pictures, 1 - 0.5 / pictures)
    odds, count = np.log(counted / (1 - counted)), len(counted)
    mean = float(odds.mean())
    middle = _share(mean)
    sampling = 1 / (pictures * middle * (1 - middle))
    half = _student(count - 1) * float(np.sqrt(odds.var(ddof=1) * (1 + 1 / count) + sampling))
    return round(middle, 4), _rounded(_share(mean - half), _share(mean + half))


def _student(freedom: int) -> float:
    """Return the deviations that hold 95 % of Student's t, by the series of Abramowitz & Stegun, 26.7.5."""
    terms = (
        (Z**3 + Z) / 4,
        (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
        (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
        (79 * Z**9 + 776 * Z**7 + 1482 * Z**5 - 1920 * Z**3 - 945 * Z) / 92160,
    )
    return Z + sum((term / freedom**power for power, term in enumerate(terms, start=1)), 0.0)


def _share(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))


def _rounded(low: float, high: float) -> Interval:
    return round(float(low), 4), round(float(high), 4)
