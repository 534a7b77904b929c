"""In no minute, wherever it begins, do more images pass than the limit says, and none is refused that might pass."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import OverRate
from shared.pipeline.rate_limit import WINDOW_S, RateBreaker
from tests.properties import FEW

pauses = st.lists(st.one_of(st.just(0), st.integers(0, 25), st.sampled_from([59, 60, 61])), max_size=40)


@FEW
@given(st.integers(1, 4), pauses)
def test_the_window_holds_wherever_it_begins(limit: int, waits: list[int]) -> None:
    now = 0.0
    breaker = RateBreaker(limit, lambda: now)
    passed: list[float] = []
    for wait in waits:
        now += wait
        recent = [moment for moment in passed if moment > now - WINDOW_S]
        if len(recent) < limit:
            breaker.take()
            passed.append(now)
        else:
            with pytest.raises(OverRate) as refused:
                breaker.take()
            assert refused.value.retry_after_s == math.ceil(recent[0] + WINDOW_S - now) > 0


@FEW
@given(st.integers(1, 4), pauses)
def test_who_comes_when_the_error_said_passes(limit: int, waits: list[int]) -> None:
    now = 0.0
    breaker = RateBreaker(limit, lambda: now)
    for wait in waits:
        now += wait
        try:
            breaker.take()
        except OverRate as error:
            now += error.retry_after_s or 0
            breaker.take()
