"""Make validation pictures harder on purpose, as if from another device, another operator or another archive.

A threshold that is chosen on pictures just like those of training is the best for those, and seldom the best for
pictures from elsewhere, whose scores drift.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
import PIL.Image
import PIL.ImageEnhance
import PIL.ImageFilter

from shared.types import Pixels

Picture = PIL.Image.Image

KEPT = 0.86
"""Share of an edge that a closer picture shows. Films of 1.2 and of 1.4 times their height differ by this factor."""


def worsen(pixels: Pixels, condition: str) -> Pixels:
    """Return a picture as it looks under a condition; deterministic.

    Args:
        pixels: RGB, shape (height, width, 3), uint8; not modified.
        condition: one of ``CONDITIONS``.

    Returns:
        RGB, uint8, of the same size.
    """
    return np.asarray(CONDITIONS[condition](PIL.Image.fromarray(pixels)), dtype=np.uint8)


def _cropped(across: float, down: float) -> Callable[[Picture], Picture]:
    """Return a function that keeps a share of the middle and stretches it to the picture's size."""

    def crop(picture: Picture) -> Picture:
        width, height = picture.size
        left, upper = width * (1 - across) / 2, height * (1 - down) / 2
        box = (left, upper, width - left, height - upper)
        return picture.resize(picture.size, PIL.Image.Resampling.BICUBIC, box=box)

    return crop


def _exposed(gamma: float) -> Callable[[Picture], Picture]:
    levels = np.round(255 * (np.arange(256) / 255) ** gamma).astype(int).tolist()
    return lambda picture: picture.point(levels * len(picture.getbands()))


def _contrasted(factor: float) -> Callable[[Picture], Picture]:
    return lambda picture: PIL.ImageEnhance.Contrast(picture).enhance(factor)


def _saved_poorly(picture: Picture) -> Picture:
    picture.save(file := io.BytesIO(), "jpeg", quality=30)
    return PIL.Image.open(file).convert("RGB")


CONDITIONS: Mapping[str, Callable[[Picture], Picture]] = {
    "narrower": _cropped(1, KEPT),
    "wider": _cropped(KEPT, 1),
    "closer": _cropped(KEPT, KEPT),
    "closer and narrower": _cropped(KEPT, KEPT**2),
    "closer and wider": _cropped(KEPT**2, KEPT),
    "tilted": lambda picture: picture.rotate(5, PIL.Image.Resampling.BICUBIC),
    "darker": _exposed(1.4),
    "brighter": _exposed(0.7),
    "flatter": _contrasted(0.65),
    "harsher": _contrasted(1.4),
    "softer": lambda picture: picture.filter(PIL.ImageFilter.GaussianBlur(1)),
    "poor JPEG": _saved_poorly,
}
"""The change of a picture under each condition: limited so that the subject stays visible."""
