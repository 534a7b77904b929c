"""The two-sample test of Kolmogorov and Smirnov, for a number of each picture such as its brightness."""

from __future__ import annotations

from math import exp, lgamma, log

import numpy as np

from shared.monitoring.two_samples import TwoSampleResult
from shared.monitoring.window import Floats

LEAST_P_VALUE = 1e-10
"""Smaller ones are lost in the rounding of the logarithms that they are computed from."""


def kolmogorov_smirnov(sample: Floats, reference: Floats) -> TwoSampleResult:
    """Test whether two samples of a number are from the same distribution.

    The statistic is the largest distance of the two distribution functions, 0 to 1. Its p-value is exact where all
    numbers differ; equal ones make it larger than it needs to be, never smaller.

    Args:
        sample: shape (n,), n at least 1, finite.
        reference: shape (m,), m at least 1, finite.

    Raises:
        ValueError: a sample is empty or has a number that is not finite.
    """
    for name, values in (("sample", sample), ("reference", reference)):
        if not len(values) or not np.isfinite(values).all():
            raise ValueError(f"The {name} has {len(values)} numbers, expected one or more, all of them finite.")
    n, m = len(sample), len(reference)
    values = np.concatenate([sample, reference])
    below, reference_below = (np.searchsorted(np.sort(side), values, side="right") for side in (sample, reference))
    steps = int(np.abs(below * m - reference_below * n).max())
    return TwoSampleResult(steps / (n * m), _chance_of(steps, min(n, m), max(n, m)))


def _chance_of(steps: int, n: int, m: int) -> float:
    """Return how often chance alone makes the distance ``steps / (n m)`` or more.

    It counts the lattice paths from (0, 0) to (n, m) that stay nearer than that to the diagonal: Hodges, "The
    significance probability of the Smirnov two-sample test" (1958), https://doi.org/10.1007/BF02589501.
    """
    if steps == 0:
        return 1.0
    paths, log_scale = np.zeros(m + 1), 0.0
    paths[: -(-steps // n)] = 1.0
    for i in range(1, n + 1):
        first, end = max(0, (i * m - steps) // n + 1), min(m + 1, -(-(i * m + steps) // n))
        paths[first:end] = np.cumsum(paths[first:end])
        paths[:first] = 0.0
        largest = paths[end - 1] if end > first else 0.0
        if largest == 0:
            return 1.0  # every path is at least that far from the diagonal
        paths /= largest  # the number of paths has up to a thousand digits
        log_scale += log(largest)
    log_divisions = lgamma(n + m + 1) - lgamma(n + 1) - lgamma(m + 1)
    return min(1.0, max(1.0 - exp(log(paths[m]) + log_scale - log_divisions), LEAST_P_VALUE))
