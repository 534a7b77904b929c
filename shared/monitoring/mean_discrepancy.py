"""The maximum mean discrepancy of two samples of embeddings, and its permutation test."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shared.monitoring.two_samples import DRAWS, SEED, TwoSampleResult, drawn_p_value
from shared.monitoring.window import Floats

MOST_ROWS = 1000
"""Of each sample: 2,000 rows together make a kernel of 16 MB, and a test of a fraction of a second."""

DRAWS_AT_ONCE = 500
"""Bounds the memory of the permutations: 4 MB for each 2,000 rows."""


def mean_discrepancy(sample: Floats, reference: Floats) -> TwoSampleResult:
    """Test whether two samples of embeddings are from the same distribution.

    The statistic is the squared maximum mean discrepancy, 0 to 2, of the kernel exp(-d² / 2w²) at the distance d; w is
    the median distance within the pooled samples, where each dimension is divided by its standard deviation. Without
    that, the few directions in which all pictures differ hide the rest: of 100 flowers as JPEG of quality 10, none of
    25 windows was found, with it all were. Gretton et al., "A Kernel Two-Sample Test" (2012),
    https://www.jmlr.org/papers/v13/gretton12a.html. The p-value counts random divisions of the pooled samples, so it
    holds at any size. The same rows get the same result in any order.

    Args:
        sample: shape (n, dimensions), finite; n is at least 2. Of more than ``MOST_ROWS``, as many are drawn.
        reference: shape (m, dimensions), likewise.

    Raises:
        ValueError: the samples have other shapes, or numbers that are not finite.
    """
    if sample.ndim != 2 or sample.shape[1:] != reference.shape[1:] or min(len(sample), len(reference)) < 2:
        raise ValueError(
            f"The samples have the shapes {sample.shape} and {reference.shape}, expected (n, d) and (m, d)."
        )
    if not (np.isfinite(sample).all() and np.isfinite(reference).all()):
        raise ValueError("An embedding has a number that is not finite.")
    random = np.random.default_rng(SEED)
    sample, reference = _at_most(MOST_ROWS, sample, random), _at_most(MOST_ROWS, reference, random)
    rows = np.concatenate([sample, reference])
    order = np.lexsort(rows.T)  # the permutations depend on the rows' order, so it is made the same
    is_sample = (order < len(sample)).astype(np.float32)
    kernel = _centred(_kernel(rows[order]))
    scale = (1 / len(sample) + 1 / len(reference)) ** 2
    observed = _discrepancies(kernel, is_sample[np.newaxis])[0]
    # permutations that differ from it by rounding only count as equal
    limit, exceeding = observed - 1e-6 * abs(observed), 0
    for first in range(0, DRAWS, DRAWS_AT_ONCE):
        draws = np.tile(is_sample, (min(DRAWS_AT_ONCE, DRAWS - first), 1))
        exceeding += int((_discrepancies(kernel, random.permuted(draws, axis=1)) >= limit).sum())
    return TwoSampleResult(max(0.0, float(scale * observed)), drawn_p_value(exceeding))


def _at_most(rows: int, sample: Floats, random: np.random.Generator) -> Floats:
    """Draw rows of a sample that has more of them; which ones does not depend on their order."""
    if len(sample) <= rows:
        return sample
    drawn: Floats = sample[np.lexsort(sample.T)][random.choice(len(sample), rows, replace=False)]
    return drawn


def _kernel(rows: Floats) -> npt.NDArray[np.float32]:
    """Return the kernel of each pair of rows, shape (rows, rows), 0 to 1."""
    deviations = rows.std(axis=0)
    rows = (rows - rows.mean(axis=0)) / np.where(deviations > 0, deviations, 1)
    squares = (rows**2).sum(axis=1)
    distances = np.maximum(squares[:, np.newaxis] + squares - 2 * (rows @ rows.T), 0)
    median = float(np.median(distances[np.triu_indices(len(rows), 1)]))
    if median == 0:  # more than half of the pairs are equal: only whether rows are equal counts
        median = float(distances.max()) * 1e-6 or 1.0
    kernel: npt.NDArray[np.float32] = np.exp(-distances / (2 * median)).astype(np.float32)
    return kernel


def _centred(kernel: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    means = kernel.mean(axis=0, dtype=np.float64)
    centred: npt.NDArray[np.float32] = (kernel - means - means[:, np.newaxis] + means.mean()).astype(np.float32)
    return centred


def _discrepancies(kernel: npt.NDArray[np.float32], divisions: npt.NDArray[np.float32]) -> Floats:
    """Return the discrepancy of each division, up to a factor that is the same for all of them.

    Args:
        kernel: centred, shape (rows, rows).
        divisions: 1 for a row of the sample, 0 for a row of the reference, shape (divisions, rows).
    """
    sums: Floats = np.einsum("dr,dr->d", divisions @ kernel, divisions).astype(np.float64)
    return sums
