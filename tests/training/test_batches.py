"""An epoch of batches is decided by its seed, and may draw rare labels as often as common ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shared.training.augmentation import Augmentation
from shared.training.batches import Batch, steps_an_epoch, training_batches
from shared.training.dataset import Example

LABELS = ("common", "rare")


@pytest.fixture
def examples() -> list[Example]:
    """Thirty pictures of one label and three of another, each of one grey."""
    labels = ["common"] * 30 + ["rare"] * 3
    return [
        Example(Path(f"{grey}.png"), label, f"{grey:064x}", np.full((8, 8, 3), grey, np.uint8))
        for grey, label in enumerate(labels)
    ]


def _epoch(examples: list[Example], *, balanced: bool = False, seed: tuple[int, ...] = (1, 1)) -> list[Batch]:
    how = Augmentation(brightness=0, contrast=0, saturation=0, erase=0, mixup=0)
    return list(training_batches(examples, LABELS, size=8, batch_size=8, how=how, balanced=balanced, seed=seed))


def test_batches_of_an_epoch_show_no_picture_twice(examples: list[Example]) -> None:
    batches = _epoch(examples)

    greys = [float(picture.mean()) for pixels, _ in batches for picture in pixels]
    assert len(batches) == steps_an_epoch(33, 8) == 4
    assert len({round(grey) for grey in greys}) == 32


def test_batches_have_the_targets_of_their_pictures(examples: list[Example]) -> None:
    for pixels, targets in _epoch(examples):
        rare = pixels.mean(axis=(1, 2, 3)) >= 29.5
        assert (targets.argmax(axis=1) == rare).all()


def test_batches_depend_on_the_seed_alone(examples: list[Example]) -> None:
    first, same, other = (_epoch(examples, seed=seed) for seed in ((1, 1), (1, 1), (1, 2)))

    assert all(np.array_equal(a[0], b[0]) for a, b in zip(first, same, strict=True))
    assert not all(np.array_equal(a[0], b[0]) for a, b in zip(first, other, strict=True))


def test_batches_of_a_balanced_epoch_draw_labels_equally_often(examples: list[Example]) -> None:
    targets = np.concatenate([targets for _, targets in _epoch(examples, balanced=True)])

    assert targets.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.05)


def test_batches_of_few_pictures_are_one_smaller_batch(examples: list[Example]) -> None:
    batches = _epoch(examples[:3])

    assert [len(pixels) for pixels, _ in batches] == [3]


def test_batches_repeat_pictures_for_more_steps(examples: list[Example]) -> None:
    how = Augmentation(brightness=0, contrast=0, saturation=0, erase=0, mixup=0)
    batches = list(
        training_batches(examples, LABELS, size=8, batch_size=8, how=how, balanced=False, seed=(1, 1), steps=9)
    )

    assert [len(pixels) for pixels, _ in batches] == [8] * 9
