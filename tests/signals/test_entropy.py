"""Entropy of scores: 0 where one label has all, log2(labels) where all are equal, and never outside of that."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.signals.entropy import entropy_of


@pytest.mark.parametrize(
    ("scores", "bits"),
    [((1.0, 0.0), 0.0), ((0.5, 0.5), 1.0), ((0.25,) * 4, 2.0), ((0.5, 0.25, 0.25), 1.5), ((1.0,), 0.0)],
)
def test_entropy_is_in_bits(scores: tuple[float, ...], bits: float) -> None:
    assert entropy_of(np.array(scores, np.float32)) == pytest.approx(bits)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=8).filter(lambda values: sum(values) > 0.01))
def test_entropy_is_between_0_and_the_logarithm_of_the_labels(values: list[float]) -> None:
    scores = (np.array(values) / sum(values)).astype(np.float32)
    assert 0 <= entropy_of(scores) <= np.log2(len(values)) + 1e-6
