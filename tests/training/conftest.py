"""A small labelled folder that is rendered, not photographed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

PICTURES_A_LABEL = 20


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Red discs and blue squares, a text file among them, and one disc twice under different names."""
    folder = tmp_path_factory.mktemp("data") / "shapes"
    random = np.random.default_rng(0)
    for label in ("disc", "square"):
        (folder / label).mkdir(parents=True)
        for number in range(PICTURES_A_LABEL):
            draw(label, random).save(folder / label / f"{number:02d}.png")
    (folder / "disc" / "again.png").write_bytes((folder / "disc" / "00.png").read_bytes())
    (folder / "disc" / "note.jpg").write_text("not an image")
    return folder


def draw(label: str, random: np.random.Generator) -> Image.Image:
    """Render one picture of a label, 96 x 80 px."""
    picture = Image.new("RGB", (96, 80), tuple(int(value) for value in random.integers(0, 120, 3)))
    pen, radius = ImageDraw.Draw(picture), int(random.integers(20, 34))
    x, y = int(random.integers(radius, 96 - radius)), int(random.integers(radius, 80 - radius))
    box = (x - radius, y - radius, x + radius, y + radius)
    if label == "disc":
        pen.ellipse(box, fill=(240, 40, 40))
    else:
        pen.rectangle(box, fill=(40, 60, 250))
    return picture
