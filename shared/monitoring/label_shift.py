"""The chi-square test of whether labels are given as often as in the reference, however rare some are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from shared.monitoring.two_samples import DRAWS, SEED, TwoSampleResult, drawn_p_value


def label_shift(counts: Mapping[str, int], reference: Mapping[str, int]) -> TwoSampleResult:
    """Test whether two counts of labels are from the same distribution.

    The statistic is Pearson's chi-square of the table of both, 0 or more. Its usual distribution needs five expected
    pictures of each label, so the p-value counts random tables with the same margins instead, drawn from the
    multivariate hypergeometric distribution: Hope, "A simplified Monte Carlo significance test procedure" (1968),
    https://doi.org/10.1111/j.2517-6161.1968.tb00759.x. It holds for labels that are rare, new, or no longer given.

    Args:
        counts: pictures by label, each 0 or more; at least one picture.
        reference: likewise, of the reference.

    Raises:
        ValueError: one of the two has no pictures, or a negative number of them.
    """
    labels = sorted({label for side in (counts, reference) for label, pictures in side.items() if pictures})
    ours, theirs = (np.array([side.get(label, 0) for label in labels], np.int64) for side in (counts, reference))
    if min(ours.sum(), theirs.sum()) < 1 or min(ours.min(), theirs.min()) < 0:
        raise ValueError(f"There are {ours.sum()} and {theirs.sum()} labelled pictures, expected one or more of each.")
    totals, size = ours + theirs, int(ours.sum())
    expected = totals * (size / totals.sum())
    weights = totals.sum() / theirs.sum() / expected
    observed = float(((ours - expected) ** 2 * weights).sum())
    tables = np.random.default_rng(SEED).multivariate_hypergeometric(totals, size, size=DRAWS)
    drawn = ((tables - expected) ** 2 * weights).sum(axis=1)
    return TwoSampleResult(observed, drawn_p_value(int((drawn >= observed * (1 - 1e-9)).sum())))


def total_variation(counts: Mapping[str, int], reference: Mapping[str, int]) -> float:
    """Return the share of pictures that would need another label for equal shares, 0 to 1; 0 where a side is empty."""
    of, reference_of = Counter(counts).total(), Counter(reference).total()
    if not of or not reference_of:
        return 0.0
    labels = {*counts, *reference}
    return sum(abs(counts.get(label, 0) / of - reference.get(label, 0) / reference_of) for label in labels) / 2
