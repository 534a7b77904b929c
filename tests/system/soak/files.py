"""The files of a soak: small pictures, now and then a photograph or a very large one, and five in a hundred bad."""

from __future__ import annotations

import io
import struct
from functools import cache

import numpy as np
from PIL import Image

from tests.system.chaos.pictures import EVERY_BAD, File, bad_file, picture

ONE_BAD_IN = 20
ONE_PHOTOGRAPH_IN = 10
ONE_LARGE_IN = 200
PHOTOGRAPH_PX, LARGE_PX = (1152, 864), (4000, 3000)


def file(seed: int, prefix: str) -> File:
    """Return the file of a number; another number gives other bytes."""
    if seed % ONE_BAD_IN == ONE_BAD_IN - 1:
        return bad_file(seed // ONE_BAD_IN * EVERY_BAD, prefix)
    if seed % ONE_LARGE_IN == 0:
        return _photograph(LARGE_PX, seed, prefix)
    if seed % ONE_PHOTOGRAPH_IN == 0:
        return _photograph(PHOTOGRAPH_PX, seed, prefix)
    return picture(seed, prefix)


def _photograph(size: tuple[int, int], seed: int, prefix: str) -> File:
    """Return a JPEG with the number in a comment, so that its bytes are unique."""
    content = _jpeg(size)
    comment = b"\xff\xfe" + struct.pack(">HQ", 10, seed)  # ITU-T T.81, B.2.4.5
    return File(f"{prefix}/{seed:06}.jpg", content[:2] + comment + content[2:], is_picture=True)


@cache
def _jpeg(size: tuple[int, int]) -> bytes:
    coarse = np.random.default_rng(size[0]).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(content, "JPEG", quality=90)
    return content.getvalue()
