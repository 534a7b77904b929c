"""Draw the photographs of the benchmark: flowers in three sizes, with the grain of a camera, as JPEG and PNG."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from shared.local.demo.drawings import drawings

SIZES = {"224 px": (224, 224), "1 MP": (1152, 864), "12 MP": (4000, 3000)}
"""Width and height in pixels."""
SMALL = "224 px JPEG"
LARGE = ("1 MP JPEG", "1 MP PNG", "12 MP JPEG", "12 MP PNG")
GRAIN = 3.0
"""Standard deviation of the noise, of 255: what a telephone's picture has by daylight."""
FLOWERS = {
    "224 px": ("daisy", "dandelion", "roses", "sunflowers", "tulips"),
    "1 MP": ("daisy", "tulips"),
    "12 MP": ("sunflowers",),
}
FORMATS: dict[str, dict[str, Any]] = {"JPEG": {"quality": 92}, "PNG": {"compress_level": 6}}


@dataclass(frozen=True, slots=True)
class Photograph:
    """A file on disk."""

    path: Path
    kind: str
    """``SMALL``, or one of ``LARGE``."""

    @property
    def content_type(self) -> str:
        """``image/jpeg`` or ``image/png``."""
        return "image/jpeg" if self.kind.endswith("JPEG") else "image/png"


def photographs(folder: Path) -> list[Photograph]:
    """Return every photograph; render those that are not in the folder yet, the same on every machine."""
    planned = [
        (flower, size, Photograph(folder / f"{size.replace(' ', '')}-{flower}.{format.lower()}", f"{size} {format}"))
        for size in SIZES
        for flower in FLOWERS[size]
        for format in FORMATS
        if f"{size} {format}" in (SMALL, *LARGE)
    ]
    if not all(photograph.path.exists() for *_, photograph in planned):
        folder.mkdir(parents=True, exist_ok=True)
        drawn = drawings()
        for flower, size, photograph in planned:
            _write(_grained(drawn[flower], *SIZES[size]), photograph)
    return [photograph for *_, photograph in planned]


def _write(picture: Image.Image, photograph: Photograph) -> None:
    format = photograph.kind.split()[-1]
    content = BytesIO()
    picture.save(content, format, **FORMATS[format])
    photograph.path.write_bytes(content.getvalue())


def _grained(drawing: Image.Image, width: int, height: int) -> Image.Image:
    """Enlarge the middle of a drawing to the given proportions, and add a camera's grain."""
    side = drawing.width
    margin = (side - side * height / width) / 2 if height < width else 0.0
    box = (0.0, margin, float(side), side - margin)
    enlarged = drawing.convert("RGB").resize((width, height), Image.Resampling.BICUBIC, box=box)
    random = np.random.default_rng(width)
    grain = random.normal(0, GRAIN, (height, width, 1)).astype(np.float32)
    pixels = np.asarray(enlarged, np.float32) + grain
    return Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))
