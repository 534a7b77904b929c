"""Draw pictures for the event path: like photographs in size and in bytes, all different."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from shared.local.demo.drawings import SIZE_PX, drawings

EDGES_PX = (224, 300)
"""Shortest and longest edge: what photographs of a web page have, and what the model takes without enlarging."""


def write_pictures(folder: Path, count: int, seed: int) -> None:
    """Write JPEGs of 224 to 300 px, cut at random out of drawn flowers.

    Args:
        folder: is made.
        count: how many.
        seed: another gives other pictures.
    """
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    whole = list(drawings().values())
    for index in range(count):
        (folder / f"{index:05}.jpg").write_bytes(_cut(whole[index % len(whole)], random))


def _cut(drawing: Image.Image, random: np.random.Generator) -> bytes:
    width, height = (int(edge) for edge in random.integers(*EDGES_PX, 2, endpoint=True))
    reach = random.uniform(0.6, 0.95) * SIZE_PX
    left, upper = random.uniform(0, SIZE_PX - reach, 2)
    content = BytesIO()
    cut = drawing.resize((width, height), Image.Resampling.BICUBIC, box=(left, upper, left + reach, upper + reach))
    cut.save(content, "JPEG", quality=90)
    return content.getvalue()
