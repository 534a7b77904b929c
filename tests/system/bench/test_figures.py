from __future__ import annotations

import pytest

from tests.system.bench.figures import Figure, Goal


def figure(*values: float, unit: str = "ms") -> Figure:
    return Figure("bucketlens", "p50", unit, values)


def test_goal_is_judged_by_the_median_of_the_ratios_of_rounds() -> None:
    goal = Goal("", figure(10, 30, 90), figure(10, 10, 100), at_most=1.0)
    assert goal.ratios == pytest.approx((1.0, 3.0, 0.9))
    assert goal.ratio == 1.0
    assert goal.holds


@pytest.mark.parametrize(("value", "holds"), [(0.84, False), (0.85, True), (2.0, True)])
def test_goal_may_be_a_lower_bound(value: float, holds: bool) -> None:
    assert Goal("", figure(100 * value), figure(100.0), at_least=0.85).holds is holds


@pytest.mark.parametrize(("value", "holds"), [(0.81, False), (0.8, True)])
def test_goal_without_a_second_figure_bounds_the_first(value: float, holds: bool) -> None:
    assert Goal("", figure(value), None, at_most=0.8).holds is holds


@pytest.mark.parametrize(("unit", "more"), [("requests/s", True), ("images/s", True), ("ms", False), ("MiB", False)])
def test_rate_is_better_when_higher(unit: str, more: bool) -> None:
    assert figure(1.0, unit=unit).more_is_better is more
