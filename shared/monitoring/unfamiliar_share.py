"""The test of whether more pictures are unfamiliar than in the reference."""

from __future__ import annotations

from math import exp, lgamma

from shared.monitoring.two_samples import TwoSampleResult


def unfamiliar_share(above: int, of: int, reference_above: int, reference_of: int) -> TwoSampleResult:
    """Test whether more pictures are above a threshold that was read off the reference.

    The statistic is the share above it, 0 to 1. A binomial test would take the threshold's share, 1 %, as known; but of
    the threshold that 257 pictures give, the true share is often 2 %, and a model with such a threshold would alarm
    forever. So the share has the distribution that an order statistic leaves open, a beta distribution, and the count
    is beta-binomial: Gumbel and von Schelling, "The distribution of the number of exceedances" (1950),
    https://doi.org/10.1214/aoms/1177729797. With a large reference this is the binomial test. One-sided: fewer
    unfamiliar pictures are no drift.

    Args:
        above: pictures above the threshold, 0 to ``of``.
        of: pictures, at least 1.
        reference_above: pictures of the reference above the threshold, 0 to ``reference_of - 1``; the threshold is the
            value of another picture of it.
        reference_of: pictures of the reference, at least 1.

    Raises:
        ValueError: a count is out of its range.
    """
    if not (0 <= above <= of and of >= 1 and 0 <= reference_above < reference_of):
        raise ValueError(
            f"There are {above} of {of} pictures above the threshold, and {reference_above} of {reference_of} of the "
            "reference; expected counts within their totals, and a picture of the reference that is not above it."
        )
    if above == 0:
        return TwoSampleResult(0.0, 1.0)
    shape, other = reference_above + 1, reference_of - reference_above
    whole = _log_beta(shape, other)
    chance = sum(
        exp(_log_choices(of, count) + _log_beta(shape + count, other + of - count) - whole)
        for count in range(above, of + 1)
    )
    return TwoSampleResult(above / of, min(1.0, max(chance, 5e-324)))


def _log_beta(first: int, second: int) -> float:
    return lgamma(first) + lgamma(second) - lgamma(first + second)


def _log_choices(of: int, count: int) -> float:
    return lgamma(of + 1) - lgamma(count + 1) - lgamma(of - count + 1)
