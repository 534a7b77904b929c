"""Draw pictures of 12 megapixels in every format, each as large a file as the default limit of bytes admits."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from pillow_heif import register_heif_opener

register_heif_opener()

SIZE_PX = (4000, 3000)

VARIANTS: dict[str, dict[str, Any]] = {
    "jpeg": {"format": "JPEG", "quality": 95},
    "progressive jpeg": {"format": "JPEG", "progressive": True, "subsampling": 0},
    "png": {"format": "PNG", "compress_level": 1},
    "webp": {"format": "WEBP", "method": 0},
    "gif": {"format": "GIF"},
    "bmp": {"format": "BMP", "size": (2600, 2600)},
    "tiff": {"format": "TIFF", "size": (2600, 2600)},
    "lzw tiff": {"format": "TIFF", "compression": "tiff_lzw", "noise": 4},
    "avif": {"format": "AVIF", "speed": 10},
    "heic": {"format": "HEIF"},
}
"""How each format is written. BMP and plain TIFF are not compressed, so fewer pixels reach the limit of bytes."""


def large_picture(variant: str) -> bytes:
    """Return a file with the detail of a photograph: noise over a gradient."""
    options = dict(VARIANTS[variant])
    width, height = options.pop("size", SIZE_PX)
    noise = options.pop("noise", 24 if options["format"] in ("JPEG", "WEBP", "AVIF", "HEIF") else 8)
    random = np.random.default_rng(7)
    ramp = np.linspace(0, 200, width, dtype=np.float32)[None, :, None]
    pixels = (ramp + random.integers(0, noise, (height, width, 1), dtype=np.uint8)).astype(np.uint8)
    content = BytesIO()
    Image.fromarray(np.repeat(pixels, 3, axis=2)).save(content, **options)
    return content.getvalue()
