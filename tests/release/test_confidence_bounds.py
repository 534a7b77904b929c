"""Bounds on shares and on differences are those that were published, and each lies on its side."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.release import confidence_bounds
from shared.release.confidence_bounds import Z, least_fall, least_rise, wilson_interval

TWO_SIDED = 1.959964
"""What published intervals are reckoned with: 95 %, two-sided."""

SHARES = (
    ((81, 263), (0.2553, 0.3662)),
    ((15, 148), (0.0624, 0.1605)),
    ((0, 20), (0.0000, 0.1611)),
    ((1, 29), (0.0061, 0.1718)),
)
"""Newcombe, Two-sided confidence intervals for the single proportion (1998), table I, method 3:
https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E"""

DIFFERENCES = (
    ((56, 70), (48, 80), (0.0524, 0.3339)),
    ((9, 10), (3, 10), (0.1705, 0.8090)),
    ((6, 7), (2, 7), (0.0582, 0.8062)),
    ((5, 56), (0, 29), (-0.0381, 0.1926)),
    ((0, 10), (0, 20), (-0.1611, 0.2775)),
    ((0, 10), (0, 10), (-0.2775, 0.2775)),
    ((10, 10), (0, 20), (0.6791, 1.0000)),
    ((10, 10), (0, 10), (0.6075, 1.0000)),
)
"""Newcombe, Interval estimation for the difference between independent proportions (1998), table II, method 10:
https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I"""

COUNTS = st.integers(1, 400).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@pytest.mark.parametrize(("counted", "published"), SHARES)
def test_wilsons_interval_is_the_published_one(
    counted: tuple[int, int], published: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confidence_bounds, "Z", TWO_SIDED)
    assert wilson_interval(*counted) == pytest.approx(published, abs=5e-5)


@pytest.mark.parametrize(("more", "fewer", "published"), DIFFERENCES)
def test_newcombes_interval_is_the_published_one(
    more: tuple[int, int], fewer: tuple[int, int], published: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upper end of a rise is the lower end of the fall, seen from the other side."""
    monkeypatch.setattr(confidence_bounds, "Z", TWO_SIDED)
    assert (least_rise(fewer, more), -least_rise(more, fewer)) == pytest.approx(published, abs=5e-5)


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
