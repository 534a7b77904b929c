"""Conditions under which pictures arrive: none, or a change of all of them as a fault or another device makes it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
import PIL.Image
import PIL.ImageFilter

from shared.types import Pixels

Picture = PIL.Image.Image

NONE = "none"

FEW_PX = 48
"""The shorter edge of a picture of few pixels."""

WARM = (1.15, 1.0, 0.75)
"""Factors of red, green and blue: daylight film by a light bulb."""


def change(pixels: Pixels, condition: str) -> Pixels:
    """Return a picture as it looks under a condition; deterministic.

    Args:
        pixels: RGB, shape (height, width, 3), uint8; not modified.
        condition: one of ``CONDITIONS``.

    Returns:
        RGB, uint8, of the same size.
    """
    return np.asarray(CONDITIONS[condition](PIL.Image.fromarray(pixels)), dtype=np.uint8)


def _scaled(*factors: float) -> Callable[[Picture], Picture]:
    levels = [min(255, round(level * factor)) for factor in factors for level in range(256)]
    return lambda picture: picture.point(levels)


def _saved_poorly(picture: Picture) -> Picture:
    picture.save(file := io.BytesIO(), "jpeg", quality=10)
    return PIL.Image.open(file).convert("RGB")


def _of_few_pixels(picture: Picture) -> Picture:
    factor = FEW_PX / min(picture.size)
    width, height = (max(1, round(edge * factor)) for edge in picture.size)
    small = picture.resize((width, height), PIL.Image.Resampling.BICUBIC)
    return small.resize(picture.size, PIL.Image.Resampling.BICUBIC)


CONDITIONS: Mapping[str, Callable[[Picture], Picture]] = {
    NONE: lambda picture: picture,
    "dark ×0.45": _scaled(0.45, 0.45, 0.45),
    "blur 2.5 px": lambda picture: picture.filter(PIL.ImageFilter.GaussianBlur(2.5)),
    "JPEG 10": _saved_poorly,
    "grey": lambda picture: picture.convert("L").convert("RGB"),
    "warm": _scaled(*WARM),
    "upside down": lambda picture: picture.transpose(PIL.Image.Transpose.ROTATE_180),
    f"from {FEW_PX} px": _of_few_pixels,
}
"""The change of a picture under each condition. Of all eight, the accuracy is known."""
