"""The result of a test of whether two samples are from the same distribution."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TwoSampleResult:
    """A statistic, and how often chance alone makes it as large."""

    statistic: float
    """0 where the samples are alike, larger the less they are."""
    p_value: float
    """Above 0, at most 1, where the two samples are from the same distribution."""


DRAWS = 1999
"""Random divisions of the pooled samples, for tests whose distribution is drawn: p-values are at least 1 / 2,000.

Nine tests with 1 % false alarms together need 0.0011.
"""

SEED = 20261130
"""Of these divisions, so that the same samples always get the same p-value."""


def drawn_p_value(exceeding: int) -> float:
    """Return the p-value of an observed division, of which the draws that are as extreme were counted.

    The observed division counts as a draw, so the p-value is never 0 and the test never alarms too often: Phipson and
    Smyth, "Permutation P-values should never be zero" (2010), https://doi.org/10.2202/1544-6115.1585.

    Args:
        exceeding: 0 to ``DRAWS``.
    """
    return (exceeding + 1) / (DRAWS + 1)
