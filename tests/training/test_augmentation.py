"""Augmented pictures keep size and type, depend on the generator alone, and each step can be switched off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import PIL.Image
import pytest

from shared.training.augmentation import Augmentation, augment, mixed

STILL = Augmentation(smallest_crop=1, aspect=1, flip=False, brightness=0, contrast=0, saturation=0, erase=0, mixup=0)


def _picture(width: int = 60, height: int = 40) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(("width", "height"), [(60, 40), (40, 60), (1, 1), (300, 3)])
def test_augment_returns_the_models_size_for_any_picture(width: int, height: int) -> None:
    result = augment(_picture(width, height), 32, Augmentation(erase=1), np.random.default_rng(0))

    assert result.shape == (32, 32, 3)
    assert result.dtype == np.uint8


def test_augment_depends_on_the_generator_state_alone() -> None:
    first, same, other = (augment(_picture(), 32, Augmentation(), np.random.default_rng(seed)) for seed in (5, 5, 6))

    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_augment_does_not_modify_the_picture() -> None:
    picture = _picture()
    before = picture.copy()

    augment(picture, 40, Augmentation(erase=1), np.random.default_rng(0))

    assert np.array_equal(picture, before)


def test_augment_with_all_steps_off_only_resizes() -> None:
    picture = _picture(48, 48)

    result = augment(picture, 32, STILL, np.random.default_rng(0))

    expected = np.asarray(PIL.Image.fromarray(picture).resize((32, 32), PIL.Image.Resampling.BICUBIC))
    assert np.array_equal(result, expected)


def test_augment_by_flip_mirrors_about_half_of_the_pictures() -> None:
    picture = _picture(32, 32)
    how = replace(STILL, flip=True)

    results = [augment(picture, 32, how, np.random.default_rng(seed)) for seed in range(40)]

    mirrored = sum(np.array_equal(result, picture[:, ::-1]) for result in results)
    assert all(np.array_equal(result, picture) or np.array_equal(result, picture[:, ::-1]) for result in results)
    assert 10 <= mirrored <= 30


def _gradient() -> np.ndarray:
    levels = np.linspace(30, 220, 64).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None], (64, 64, 3)).copy()


@pytest.mark.parametrize(
    "how",
    [replace(STILL, gamma=0.5), replace(STILL, blur=1.0), replace(STILL, rotate=15.0), replace(STILL, contrast=0.5)],
    ids=["gamma", "blur", "rotate", "contrast"],
)
def test_augment_never_turns_a_picture_over_or_tints_a_grey_one(how: Augmentation) -> None:
    results = [augment(_gradient(), 64, how, np.random.default_rng(seed)).astype(int) for seed in range(10)]

    assert len({result.tobytes() for result in results}) > 5
    for result in results:
        middle = result[:, 24:40].mean(axis=(1, 2))
        assert middle[48] - middle[16] > 30
        assert np.ptp(result, axis=2).max() <= 2


def test_augment_by_gamma_keeps_black_and_white() -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[4:] = 255

    assert np.array_equal(augment(picture, 8, replace(STILL, gamma=1.0), np.random.default_rng(0)), picture)


def test_augment_by_erase_hides_a_part_and_leaves_the_rest() -> None:
    picture = np.full((64, 64, 3), 7, np.uint8)

    result = augment(picture, 64, replace(STILL, erase=1), np.random.default_rng(0))

    hidden = (result != 7).any(axis=2).mean()
    assert 0.01 < hidden < 0.2


def test_mixup_keeps_targets_a_distribution_in_which_the_own_label_leads() -> None:
    batch = np.random.default_rng(0).uniform(0, 255, (8, 4, 4, 3)).astype(np.float32)
    targets = np.eye(8, dtype=np.float32)

    pixels, soft = mixed(batch, targets, 0.4, np.random.default_rng(2))

    assert pixels.shape == batch.shape
    assert soft.sum(axis=1) == pytest.approx(np.ones(8))
    assert (soft.argmax(axis=1) == np.arange(8)).all()
    assert not np.array_equal(pixels, batch)


def test_mixup_of_zero_changes_nothing() -> None:
    batch, targets = np.ones((2, 4, 4, 3), np.float32), np.eye(2, dtype=np.float32)

    pictures, shares = mixed(batch, targets, 0, np.random.default_rng(0))
    assert pictures == pytest.approx(batch)
    assert shares == pytest.approx(targets)
