"""In any 60 seconds at most the limit is admitted, and no image below the limit is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import OverRate
from shared.pipeline.rate_limit import WINDOW_S, RateLimit
from tests.properties import FEW

pauses = st.lists(st.one_of(st.just(0), st.integers(0, 25), st.sampled_from([59, 60, 61])), max_size=40)


@FEW
@given(st.integers(1, 4), pauses)
def test_rate_limit_holds_in_every_window(limit: int, waits: list[int]) -> None:
    now = 0.0
    rate = RateLimit(limit, lambda: now)
    passed: list[float] = []
    for wait in waits:
        now += wait
        recent = [moment for moment in passed if moment > now - WINDOW_S]
        if len(recent) < limit:
            rate.take()
            passed.append(now)
        else:
            with pytest.raises(OverRate) as refused:
                rate.take()
            assert refused.value.retry_after_s == math.ceil(recent[0] + WINDOW_S - now) > 0


@FEW
@given(st.integers(1, 4), pauses)
def test_rate_limit_admits_after_the_wait_that_the_error_names(limit: int, waits: list[int]) -> None:
    now = 0.0
    rate = RateLimit(limit, lambda: now)
    for wait in waits:
        now += wait
        try:
            rate.take()
        except OverRate as error:
            now += error.retry_after_s or 0
            rate.take()
