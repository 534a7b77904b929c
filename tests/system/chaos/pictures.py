"""Make distinct files quickly: small pictures in four formats, and files that people upload by mistake."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif"}
SIZE_PX = (48, 36)
EVERY_BAD = 12
"""One file in this many is not a picture."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to upload, and its expected outcome."""

    name: str
    content: bytes
    is_picture: bool

    @property
    def sha256(self) -> str:
        """Digest of the content, 64 hex digits."""
        return hashlib.sha256(self.content).hexdigest()


def picture(seed: int, prefix: str = "picture") -> File:
    """Return a picture; another seed gives other bytes, the same seed the same."""
    format, extension = list(FORMATS.items())[seed % len(FORMATS)]
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(coarse).resize(SIZE_PX, Image.Resampling.BICUBIC).save(content, format)
    return File(f"{prefix}/{seed:05}.{extension}", content.getvalue(), is_picture=True)


def bad_file(seed: int, prefix: str = "bad") -> File:
    """Return a file that is not a picture: a text, a picture cut short, or an empty file."""
    whole = picture(4 * seed).content  # a JPEG
    contents = (f"shopping list {seed}: bread, butter\n".encode(), whole[: len(whole) // 3], b"")
    return File(f"{prefix}/{seed:05}.jpg", contents[seed // EVERY_BAD % len(contents)], is_picture=False)


def mixed(count: int, prefix: str, first_seed: int = 0) -> Iterator[File]:
    """Yield distinct files, one in ``EVERY_BAD`` of them not a picture."""
    for seed in range(first_seed, first_seed + count):
        yield bad_file(seed, prefix) if seed % EVERY_BAD == EVERY_BAD - 1 else picture(seed, prefix)
