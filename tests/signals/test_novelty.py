"""Novelty: 0 for what training pictures span, 1 for what stands at right angles to it, and at most 1 % false alarms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.signals.novelty import (
    DIRECTIONS,
    Floats,
    directions_of,
    embedding_of,
    false_alarms_of,
    novelties_of,
    novelty_of,
    unfamiliar_above,
)

CHANNELS = 96


def features(count: int, seed: int, dimensions: slice = slice(0, 24)) -> Floats:
    """Features that vary in some dimensions and hardly in the others."""
    random = np.random.default_rng(seed)
    noise = random.normal(0, 0.01, (count, CHANNELS))
    noise[:, dimensions] += np.abs(random.normal(1, 0.5, noise[:, dimensions].shape))
    return noise.astype(np.float32)


def test_directions_are_orthonormal_and_the_same_each_time() -> None:
    first, second = directions_of(features(200, 1)), directions_of(features(200, 1))
    assert first.shape == (CHANNELS, DIRECTIONS)
    assert first.dtype == np.float32
    assert np.allclose(first.T @ first, np.eye(DIRECTIONS), atol=1e-5)
    assert np.array_equal(first, second)
    assert (first[np.abs(first).argmax(axis=0), np.arange(DIRECTIONS)] > 0).all()


@pytest.mark.parametrize(("shape", "count"), [((200, 16), 8), ((10, 96), 5), ((200, 96), 32), ((1, 1), 1)])
def test_directions_are_fewer_where_pictures_or_channels_are_few(shape: tuple[int, int], count: int) -> None:
    random = np.random.default_rng(0)
    assert directions_of(random.random(shape, np.float32)).shape == (shape[1], count)


def test_novelty_is_0_within_the_directions_and_1_at_right_angles() -> None:
    directions = directions_of(features(200, 1))
    inside: Floats = (directions * np.arange(1, DIRECTIONS + 1)).sum(axis=1).astype(np.float32)
    outside = features(1, 2, slice(60, 90))[0]
    outside -= directions @ (outside @ directions)

    assert novelty_of(inside, embedding_of(inside, directions)) == pytest.approx(0, abs=1e-5)
    assert novelty_of(outside, embedding_of(outside, directions)) == pytest.approx(1, abs=1e-5)
    half = (inside / np.linalg.norm(inside) + outside / np.linalg.norm(outside)).astype(np.float32)
    assert novelty_of(half, embedding_of(half, directions)) == pytest.approx(0.5, abs=1e-4)


def test_novelty_of_no_features_is_1() -> None:
    nothing = np.zeros(CHANNELS, np.float32)
    assert novelty_of(nothing, embedding_of(nothing, directions_of(features(50, 1)))) == 1


@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 100))
@settings(max_examples=50, deadline=None)
def test_novelty_is_between_0_and_1_whatever_the_scale(seed: int, scale: float) -> None:
    directions, row = directions_of(features(60, 7)), features(1, seed, slice(seed % 60, seed % 60 + 20))[0]
    [novelty, scaled] = novelties_of(np.stack([row, row * np.float32(scale)]), directions)
    assert 0 <= novelty <= 1
    assert scaled == pytest.approx(novelty, abs=1e-4)


def test_threshold_is_exceeded_by_one_familiar_picture_in_a_hundred() -> None:
    directions = directions_of(features(400, 1))
    limit = unfamiliar_above(novelties_of(features(1000, 2), directions))

    assert (novelties_of(features(5000, 3), directions) > limit).mean() == pytest.approx(0.01, abs=0.006)
    assert (novelties_of(features(100, 4, slice(40, 80)), directions) > limit).all()


@pytest.mark.parametrize(("count", "rank"), [(1, 1), (50, 50), (98, 98), (99, 99), (199, 198), (999, 990)])
def test_threshold_is_the_conformal_quantile(count: int, rank: int) -> None:
    values = np.random.default_rng(0).permutation(np.arange(1, count + 1) / count)
    assert unfamiliar_above(values) == pytest.approx(rank / count)


@given(st.integers(1, 400))
def test_threshold_keeps_the_promised_share_of_false_alarms(count: int) -> None:
    """Of n + 1 pictures that could each have been the new one, at most that share exceeds it."""
    novelties = np.arange(count) / count
    above = int((novelties > unfamiliar_above(novelties)).sum())
    assert (above + 1) / (count + 1) <= false_alarms_of(count) + 1e-9
