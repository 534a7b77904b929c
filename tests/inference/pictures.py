"""Pictures with a flower in one corner, and the centre of mass of a heatmap."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from shared.inference.explain import Heat
from shared.local.demo.drawings import drawings

CORNERS = {"upper left": (0, 0), "upper right": (1, 0), "lower left": (0, 1), "lower right": (1, 1)}
"""Column and row of the flower's quarter."""

GROUND = (128, 128, 128)


def flower_in(
    corner: str, label: str = "sunflowers", size: tuple[int, int] = (448, 448), ground: tuple[int, int, int] = GROUND
) -> npt.NDArray[np.uint8]:
    """Return a picture, RGB, shape (height, width, 3), with a drawn flower in the middle of one of its quarters."""
    canvas = Image.new("RGB", size, ground)
    column, row = CORNERS[corner]
    across, down = size[0] // 2, size[1] // 2
    edge = round(min(across, down) * 0.96)
    left, upper = column * across + (across - edge) // 2, row * down + (down - edge) // 2
    canvas.paste(drawn()[label].resize((edge, edge)), (left, upper))
    return np.asarray(canvas)


def centre_of(heat: Heat) -> tuple[float, float]:
    """Return a heatmap's centre of mass: its distance from the top and from the left edge, 0 to 1."""
    rows, columns = np.indices(heat.shape)
    down, across = ((heat * (at + 0.5)).sum() / heat.sum() for at in (rows, columns))
    return float(down) / heat.shape[0], float(across) / heat.shape[1]


def corner_of(heat: Heat) -> str:
    """Return the corner of a heatmap's centre of mass."""
    down, across = centre_of(heat)
    return next(name for name, half in CORNERS.items() if half == (int(across > 0.5), int(down > 0.5)))


@cache
def drawn() -> dict[str, Image.Image]:
    """Return the drawings; cached, since drawing them takes a while."""
    return drawings()
