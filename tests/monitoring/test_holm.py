"""Holm's correction: as published, and it keeps the rate of false alarms over all tests."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.monitoring.holm import holm
from tests.properties import FEW

P_VALUES = st.lists(st.floats(0, 1), max_size=12)


def test_holm_multiplies_by_the_number_of_tests_that_are_left() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@FEW
@given(P_VALUES)
def test_holm_keeps_the_order_and_is_between_no_correction_and_bonferronis(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= min(1.0, len(p_values) * p) + 1e-12
    assert [p for _, p in sorted(zip(p_values, adjusted, strict=True))] == sorted(adjusted)


@FEW
@given(P_VALUES)
def test_holm_ignores_the_order_of_the_tests(p_values: list[float]) -> None:
    assert holm(p_values[::-1]) == holm(p_values)[::-1]


def test_holm_alarms_in_one_family_of_a_hundred() -> None:
    p_values = np.random.default_rng(1).uniform(size=(3000, 9))
    assert sum(min(holm(family.tolist())) <= 0.01 for family in p_values) / 3000 <= 0.0137
