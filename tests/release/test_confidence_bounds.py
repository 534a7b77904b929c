"""Bounds on shares and on differences are those of other programs, and each lies on its side."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.release.confidence_bounds import Z, area_interval, least_fall, least_rise, score_interval, wilson_interval

SHARES = (
    ((81, 263), (0.263314, 0.356566)),
    ((15, 148), (0.067443, 0.149573)),
    ((0, 20), (0.0, 0.119158)),
    ((1, 29), (0.007731, 0.140683)),
    ((29, 29), (0.914667, 1.0)),
)
"""SciPy 1.17.1: ``binomtest(hits, of).proportion_ci(0.9, "wilson")``, each end one-sided at 95 %. Most counts
are those of table I in Newcombe, Two-sided confidence intervals for the single proportion (1998),
https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E"""

TWO_SIDED = (((81, 263), (0.255289, 0.366210)), ((15, 148), (0.062386, 0.160487)), ((0, 20), (0.0, 0.161125)))
"""As above, with 0.95 in place of 0.9: what that table shows for method 3."""

DIFFERENCES = (
    ((56, 70), (48, 80), (0.076564, 0.313645)),
    ((9, 10), (3, 10), (0.242112, 0.789624)),
    ((6, 7), (2, 7), (0.136516, 0.787809)),
    ((5, 56), (0, 29), (-0.007255, 0.172290)),
    ((0, 10), (0, 20), (-0.119158, 0.212942)),
    ((0, 10), (0, 10), (-0.212942, 0.212942)),
    ((10, 10), (0, 20), (0.755986, 1.0)),
    ((10, 10), (0, 10), (0.698855, 1.0)),
    ((1, 1), (0, 1), (-0.032565, 1.0)),
)
"""statsmodels 0.15.0: ``confint_proportions_2indep(…, method="newcomb", alpha=0.1)``. The counts: table II in
Newcombe, Interval estimation for the difference between independent proportions (1998), method 10:
https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I"""

COUNTS = st.integers(1, 400).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@pytest.mark.parametrize(("counted", "expected"), SHARES)
def test_wilson_interval_is_scipys(counted: tuple[int, int], expected: tuple[float, float]) -> None:
    assert wilson_interval(*counted) == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize(("counted", "expected"), TWO_SIDED)
def test_score_interval_reaches_as_far_as_it_is_asked_to(
    counted: tuple[int, int], expected: tuple[float, float]
) -> None:
    hits, of = counted
    assert score_interval(hits / of, of, 1.959964) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("more", "fewer", "expected"), DIFFERENCES)
def test_least_rise_is_an_end_of_newcombes_interval(
    more: tuple[int, int], fewer: tuple[int, int], expected: tuple[float, float]
) -> None:
    """The upper end of a rise is the lower end of the fall, seen from the other side."""
    assert (least_rise(fewer, more), -least_rise(more, fewer)) == pytest.approx(expected, abs=1e-4)  # Z has four digits


def test_the_bounds_are_one_sided_at_95_percent() -> None:
    assert pytest.approx(1.6449, abs=1e-4) == Z


@settings(derandomize=True, database=None)
@given(COUNTS)
def test_an_interval_holds_its_share_and_is_the_mirror_of_that_of_the_misses(counted: tuple[int, int]) -> None:
    hits, of = counted
    least, most = wilson_interval(hits, of)
    assert 0 <= least <= hits / of <= most + 1e-12 <= 1 + 1e-12
    assert wilson_interval(of - hits, of) == pytest.approx((1 - most, 1 - least))


@settings(derandomize=True, database=None)
@given(COUNTS, COUNTS)
def test_a_rise_is_at_least_less_than_what_was_seen_and_never_a_rise_and_a_fall(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    seen = after[0] / after[1] - before[0] / before[1]
    assert -1 - 1e-12 <= least_rise(before, after) <= seen + 1e-12
    assert not (least_rise(before, after) > 0 and least_rise(after, before) > 0)


def test_of_nothing_no_rise_is_certain() -> None:
    assert least_rise((0, 0), (0, 0)) < 0
    assert least_rise((0, 0), (50, 50)) < 0.1
    assert least_rise((0, 50), (0, 0)) < 0


def test_a_fall_of_a_mean_is_what_was_seen_without_the_error_of_both_sides() -> None:
    error = sqrt(0.2**2 / 100 + 0.3**2 / 400)
    assert least_fall((0.8, 0.2, 100), (0.7, 0.3, 400)) == pytest.approx(0.1 - Z * error)
    assert least_fall((0.7, 0.3, 400), (0.8, 0.2, 100)) == pytest.approx(-0.1 - Z * error)
    assert least_fall((0.8, 0.0, 0), (0.7, 0.0, 0)) == pytest.approx(0.1)
    assert least_fall((0.8, 0.2, 1), (0.7, 0.0, 1)) == pytest.approx(0.1 - Z * 0.2)
    assert least_fall((0.8, 0.0, 1), (0.7, 0.2, 1)) == pytest.approx(0.1 - Z * 0.2)


def error_of_area(area: float, positives: int, negatives: int) -> float:
    """Return the standard error of an area, by equation 2 of Hanley and McNeil (1982)."""
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    terms = (area * (1 - area), (positives - 1) * (q1 - area * area), (negatives - 1) * (q2 - area * area))
    return sqrt(sum(terms) / (positives * negatives))


def test_area_interval_reaches_the_published_error() -> None:
    """Hanley and McNeil (1982), table II: 0.893 of 51 abnormal and 58 normal images has the error 0.032."""
    least, most = area_interval(0.893, 51, 58, 1)
    assert (most - least) / 2 == pytest.approx(0.032, abs=6e-4)


@pytest.mark.parametrize("area", [0.3, 0.5, 0.893])
@pytest.mark.parametrize(("positives", "negatives"), [(51, 58), (20, 200), (200, 20)])
def test_area_interval_is_as_wide_as_it_is_asked_to_be(area: float, positives: int, negatives: int) -> None:
    reach = 1.5 * error_of_area(area, positives, negatives)
    assert area_interval(area, positives, negatives, 1.5) == pytest.approx((area - reach, area + reach))


@pytest.mark.parametrize(("positives", "negatives"), [(20, 30), (30, 20)])
def test_area_interval_of_a_perfect_or_useless_model_has_the_error_of_half_an_image(
    positives: int, negatives: int
) -> None:
    error = error_of_area(1 - 0.5 / 20, positives, negatives)
    assert area_interval(1.0, positives, negatives, 1) == pytest.approx((1 - error, 1.0))
    assert area_interval(0.0, positives, negatives, 1) == pytest.approx(
        (0.0, error_of_area(0.5 / 20, positives, negatives))
    )


def test_area_interval_ends_within_0_and_1() -> None:
    assert area_interval(0.9, 10, 10, 9)[1] == 1.0
    assert area_interval(0.1, 10, 10, 9)[0] == 0.0
