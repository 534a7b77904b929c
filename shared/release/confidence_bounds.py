"""Confidence bounds for shares and differences that are measured on a few images."""

from __future__ import annotations

from math import sqrt

Z = 1.645
"""The normal distribution's 95 % point, for bounds that are one-sided at 95 %."""

Z_TWO_SIDED = 1.959964
"""The normal distribution's 97.5 % point: 95 % of it are within so many standard deviations on both sides."""


def score_interval(share: float, of: int, z: float) -> tuple[float, float]:
    """Return Wilson's score interval of a share, each end 0 to 1.

    https://doi.org/10.1080/01621459.1927.10502953

    Args:
        share: 0 to 1.
        of: how many it was counted on, at least 1, independent of each other.
        z: how many standard deviations of the normal distribution it reaches.
    """
    squared = z * z
    centre = (share + squared / (2 * of)) / (1 + squared / of)
    reach = z * sqrt(share * (1 - share) / of + squared / (4 * of * of)) / (1 + squared / of)
    return max(0.0, centre - reach), min(1.0, centre + reach)


def wilson_interval(hits: int, of: int) -> tuple[float, float]:
    """Return the bounds of the true share by ``score_interval``; they are 0 and 1 where ``of`` is 0."""
    if of == 0:
        return 0.0, 1.0
    return score_interval(hits / of, of, Z)


def area_interval(area: float, positives: int, negatives: int, z: float) -> tuple[float, float]:
    """Return the interval of an area under the ROC curve, each end 0 to 1, by the error of Hanley and McNeil (1982).

    https://doi.org/10.1148/radiology.143.1.7063747. Their error is 0 where every image is on its side; this takes that
    of half an image on the other side.

    Args:
        area: 0 to 1.
        positives: images with the positive label, at least 1.
        negatives: the other images, at least 1.
        z: how many standard deviations of the normal distribution it reaches.
    """
    half_an_image = 0.5 / min(positives, negatives)
    bounded = min(max(area, half_an_image), 1 - half_an_image)
    both_above, both_below = bounded / (2 - bounded), 2 * bounded**2 / (1 + bounded)
    variance = bounded * (1 - bounded) + (positives - 1) * (both_above - bounded**2)
    variance += (negatives - 1) * (both_below - bounded**2)
    reach = z * sqrt(max(0.0, variance) / (positives * negatives))
    return max(0.0, area - reach), min(1.0, area + reach)


def least_rise(before: tuple[int, int], after: tuple[int, int]) -> float:
    """Return the least rise of a share that is certain; negative where it may not have risen.

    Newcombe's hybrid score interval, method 10: https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I

    Args:
        before: hits, and of how many.
        after: hits, and of how many.
    """
    (hits, of), (hits_after, of_after) = before, after
    share, share_after = hits / max(of, 1), hits_after / max(of_after, 1)
    most, least_after = wilson_interval(hits, of)[1], wilson_interval(hits_after, of_after)[0]
    return share_after - share - sqrt((share_after - least_after) ** 2 + (most - share) ** 2)


def least_fall(before: tuple[float, float, int], after: tuple[float, float, int]) -> float:
    """Return the least fall of a mean that is certain, by the normal approximation; negative where it may be none.

    Args:
        before: mean, standard deviation, and of how many.
        after: mean, standard deviation, and of how many.
    """
    (mean, deviation, of), (mean_after, deviation_after, of_after) = before, after
    error = sqrt(deviation**2 / max(of, 1) + deviation_after**2 / max(of_after, 1))
    return mean - mean_after - Z * error
