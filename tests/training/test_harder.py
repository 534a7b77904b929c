"""Harder copies show the same subject in another way, the same way every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shared.training.dataset import Example
from shared.training.harder import CONDITIONS, worsen
from shared.types import Pixels


@pytest.fixture
def example() -> Example:
    """A grey cross on black, 60 x 40 px: its bars are 12 px wide."""
    pixels = np.full((40, 60, 3), 20, np.uint8)
    pixels[14:26] = 160
    pixels[:, 24:36] = 160
    return Example(Path("cross.png"), "cross", "0" * 64, pixels)


def _harder(examples: list[Example]) -> dict[str, list[Pixels]]:
    """Every picture under every condition."""
    return {name: [worsen(example.pixels, name) for example in examples] for name in CONDITIONS}


def _bars(pixels: np.ndarray) -> tuple[int, int]:
    """Width of the upright bar, height of the lying one, in pixels."""
    return int((pixels[0, :, 0] > 90).sum()), int((pixels[:, 0, 0] > 90).sum())


def test_harder_conditions_change_every_picture_and_keep_its_size(example: Example) -> None:
    copies = _harder([example, example])

    assert set(copies) == set(CONDITIONS)
    for name, pictures in copies.items():
        assert [picture.shape for picture in pictures] == [(40, 60, 3)] * 2, name
        assert pictures[0].dtype == np.uint8
        assert not np.array_equal(pictures[0], example.pixels), name
        assert np.array_equal(pictures[0], pictures[1]), name


def test_harder_crops_stretch_in_the_named_direction(
    example: Example,
) -> None:
    copies = {name: _bars(pictures[0]) for name, pictures in _harder([example]).items()}

    assert copies["narrower"] == (12, 14)
    assert copies["wider"] == (14, 12)
    assert copies["closer"] == (14, 14)


def test_harder_light_changes_in_the_named_direction(example: Example) -> None:
    mean = {name: float(pictures[0].mean()) for name, pictures in _harder([example]).items()}
    spread = {name: float(pictures[0].std()) for name, pictures in _harder([example]).items()}

    assert mean["darker"] < example.pixels.mean() < mean["brighter"]
    assert spread["flatter"] < example.pixels.std() < spread["harsher"]
