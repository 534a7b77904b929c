"""Options that the data decides by default: colour or grey, balanced labels, and the ranges of augmentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import PIL.Image

from shared.training.augmentation import Augmentation
from shared.training.dataset import Dataset, Example
from shared.training.fit import Recipe

PHOTOGRAPH: Mapping[str, Any] = {
    "fit": "crop",
    "smallest_crop": 0.3,
    "aspect": 4 / 3,
    "rotate": 0.0,
    "contrast": 0.25,
    "saturation": 0.25,
    "gamma": 0.0,
    "blur": 0.0,
}
"""For pictures in colour: the subject is large and in the middle."""

RADIOGRAPH: Mapping[str, Any] = {
    "fit": "stretch",
    "smallest_crop": 0.4,
    "aspect": 1.6,
    "rotate": 8.0,
    "contrast": 0.5,
    "saturation": 0.0,
    "gamma": 0.4,
    "blur": 0.3,
}
"""For grey pictures: the whole picture matters, and devices and operators differ in exposure, contrast, sharpness and
field. Proportions differ much, because archives of such pictures are often squeezed into squares."""

DECIDED_BY_DATA = ("grey", "balanced", *PHOTOGRAPH)
"""Options that may be None until the data is read."""

RARE = 2.0
"""Labels are balanced where a label has more than this times the pictures of another."""

TINT = 8
"""Channels of a grey picture differ by no more than this, of 255: JPEG does not keep them exactly equal."""


def recipe_for(options: Mapping[str, Any], dataset: Dataset) -> Recipe:
    """Return the recipe with every option decided.

    Args:
        options: fields of ``Recipe`` and ``Augmentation`` by name, others are ignored; those of
            ``DECIDED_BY_DATA`` may be None.
        dataset: decides the options that are None.
    """
    grey = options.get("grey")
    grey = is_grey(dataset.examples) if grey is None else grey
    counts = dataset.counts.values()
    decided = {**(RADIOGRAPH if grey else PHOTOGRAPH), "grey": grey, "balanced": max(counts) > RARE * min(counts)}
    chosen = {name: decided.get(name) if value is None else value for name, value in options.items()}
    return Recipe(**_of(Recipe, chosen), augmentation=Augmentation(**_of(Augmentation, chosen)))


def is_grey(examples: Sequence[Example]) -> bool:
    """Return whether no picture has colours."""
    return all(int(np.ptp(example.pixels, axis=2).max()) <= TINT for example in examples)


def in_grey(dataset: Dataset) -> Dataset:
    """Return the data with every picture as a grey bundle's model gets it."""
    examples = [
        replace(example, pixels=np.asarray(PIL.Image.fromarray(example.pixels).convert("L").convert("RGB")))
        for example in dataset.examples
    ]
    return replace(dataset, examples=tuple(examples))


def values_of(recipe: Recipe, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options, with the values that the data decided."""
    decided = {
        name: getattr(recipe.augmentation if hasattr(recipe.augmentation, name) else recipe, name)
        for name, value in options.items()
        if value is None and name in DECIDED_BY_DATA
    }
    return {**options, **decided}


def _of(kind: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in kind.__dataclass_fields__ if name in options}
