"""Options that the user did not choose are decided by the data: colours, balance, and augmentation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shared.training.choices import in_grey, recipe_for, values_of
from shared.training.dataset import Dataset, Example

pytest.importorskip("tensorflow")

OPEN = {"grey": None, "balanced": None, "fit": None, "contrast": None, "gamma": None, "epochs": 3, "name": "lungs"}


def _dataset(counts: dict[str, int], *, tint: int) -> Dataset:
    pixels = np.full((4, 4, 3), 100, np.uint8)
    pixels[..., 0] += tint
    examples = [
        Example(Path(f"{label}{n}"), label, f"{label}{n}", pixels) for label in counts for n in range(counts[label])
    ]
    return Dataset("data", tuple(counts), tuple(examples), ())


def test_recipe_of_grey_pictures_is_for_radiographs() -> None:
    recipe = recipe_for(OPEN, _dataset({"a": 3, "b": 3}, tint=3))  # what JPEG leaves of equal channels

    assert (recipe.grey, recipe.fit, recipe.augmentation.saturation) == (True, "stretch", 0.25)
    assert recipe.augmentation.gamma > 0
    assert recipe.input_spec(64).channels == "L"


def test_in_grey_keeps_labels_and_digests() -> None:
    dataset = _dataset({"a": 2, "b": 1}, tint=90)

    grey = in_grey(dataset)

    assert all(int(np.ptp(example.pixels, axis=2).max()) == 0 for example in grey.examples)
    assert int(grey.examples[0].pixels[0, 0, 0]) == round(100 + 0.299 * 90)
    assert grey.fingerprint == dataset.fingerprint


def test_recipe_of_pictures_in_colour_is_in_colour() -> None:
    recipe = recipe_for(OPEN, _dataset({"a": 3, "b": 3}, tint=60))

    assert (recipe.grey, recipe.fit, recipe.augmentation.gamma) == (False, "crop", 0.0)
    assert recipe.input_spec(64).channels == "RGB"


@pytest.mark.parametrize(("rare", "balanced"), [(5, False), (4, True)])
def test_recipe_balances_labels_that_differ_more_than_twofold(rare: int, balanced: bool) -> None:
    assert recipe_for(OPEN, _dataset({"a": 10, "b": rare}, tint=0)).balanced is balanced


def test_recipe_keeps_chosen_options() -> None:
    chosen = {**OPEN, "grey": False, "balanced": False, "fit": "pad", "contrast": 0.1}

    recipe = recipe_for(chosen, _dataset({"a": 10, "b": 2}, tint=0))

    assert (recipe.grey, recipe.balanced, recipe.fit, recipe.augmentation.contrast) == (False, False, "pad", 0.1)


def test_values_of_adds_the_options_that_the_data_decided() -> None:
    recipe = recipe_for(OPEN, _dataset({"a": 10, "b": 2}, tint=0))

    values = values_of(recipe, {**OPEN, "positive": None})

    assert values == {
        **OPEN,
        "positive": None,
        "grey": True,
        "balanced": True,
        "fit": "stretch",
        "contrast": 0.5,
        "gamma": 0.4,
    }
