"""Draw a heatmap over its picture, as an image for people."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import numpy.typing as npt
import PIL.Image

from shared.images.geometry import Size
from shared.inference.explain import Heat
from shared.types import Pixels

LONGEST_EDGE_PX = 1024
"""The longer edge of a drawn heatmap; a larger picture is reduced."""

STRONGEST = 0.7
"""Opacity of the colour over the picture where the heat is 1."""

GREYED = 0.6
"""Share of its colour that the picture loses, so that the heatmap's colours are not mistaken for its own."""

DIMMED = 0.6
"""Brightness that the picture keeps, so that the heatmap stands out on a white picture too."""


def draw_heatmap(pixels: Pixels, heat: Heat) -> PIL.Image.Image:
    """Colour a picture by its heatmap: from violet for little heat, through red, to yellow for the most.

    Args:
        pixels: RGB, shape (height, width, 3), uint8; not modified.
        heat: the heatmap of the whole picture, of any shape.

    Returns:
        RGB, its longer edge at most LONGEST_EDGE_PX.
    """
    picture = PIL.Image.fromarray(pixels)
    picture.thumbnail((LONGEST_EDGE_PX, LONGEST_EDGE_PX))
    smooth = PIL.Image.fromarray(heat).resize(picture.size, PIL.Image.Resampling.BICUBIC)
    strength = np.asarray(smooth, np.float32).clip(0, 1)
    shown = PIL.Image.blend(picture, picture.convert("L").convert("RGB"), GREYED).point(lambda value: value * DIMMED)
    colours = PIL.Image.fromarray(RAMP[(strength * 255).astype(np.uint8)])
    return PIL.Image.composite(colours, shown, PIL.Image.fromarray((strength * STRONGEST * 255).astype(np.uint8)))


def shorter_edge_px(size: Size) -> int:
    """Return the shorter edge in pixels to which ``decode`` should shrink a picture for ``draw_heatmap``."""
    return max(1, LONGEST_EDGE_PX * min(size) // max(size))


def as_png(picture: PIL.Image.Image) -> bytes:
    """Return a picture as a PNG file."""
    content = BytesIO()
    picture.save(content, "PNG", compress_level=6)
    return content.getvalue()


def _ramp(start: float = 0.15, turns: float = 0.45, saturation: float = 2.0) -> npt.NDArray[np.uint8]:
    """Return 256 colours, shape (256, 3), of rising brightness: a cubehelix from violet through red to yellow.

    D. A. Green, "A colour scheme for the display of astronomical intensity images" (2011), equation 2.
    """
    light = np.linspace(0.25, 0.92, 256)
    angle = 2 * np.pi * (start / 3 + turns * light)
    reach = saturation * light * (1 - light) / 2
    helix = np.array([[-0.14861, 1.78277], [-0.29227, -0.90649], [1.97294, 0.0]])
    colours = light[:, None] + reach[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1) @ helix.T
    ramp: npt.NDArray[np.uint8] = (colours.clip(0, 1) * 255).round().astype(np.uint8)
    return ramp


RAMP = _ramp()
