"""Holm's correction: several tests together alarm no more often than one would."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return adjusted p-values, in the order of the given ones: at most 1, never below the given ones.

    Where every adjusted p-value up to 0.01 counts as found, the chance of finding anything that is not there is at most
    1 %, however the tests depend on each other: Holm, "A simple sequentially rejective multiple test procedure" (1979),
    https://www.jstor.org/stable/4615733. It finds all that Bonferroni's correction does, and more.

    Args:
        p_values: 0 to 1 each.
    """
    adjusted, largest = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
