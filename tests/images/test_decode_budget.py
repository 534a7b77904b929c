"""Limits that are computed from headers are enough: large pictures stay within them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from shared.images.decode import Limits, decode
from tests.pictures import encoded, smooth

pytestmark = pytest.mark.needs("process")  # the decoder's own processes are what is measured

SIZE = (2400, 1800)

LARGE: dict[str, Callable[[], bytes]] = {
    "AVIF": lambda: encoded(smooth(*SIZE), "AVIF", speed=10),
    "AVIF with alpha": lambda: encoded(smooth(*SIZE), "AVIF", "RGBA", speed=10),
    "HEIC": lambda: encoded(smooth(*SIZE), "HEIF"),
    "HEIC with full chroma": lambda: encoded(smooth(*SIZE), "HEIF", chroma=444),
    "WebP lossless": lambda: encoded(smooth(*SIZE), "WEBP", lossless=True, method=0),
    "TIFF with JPEG": lambda: encoded(smooth(*SIZE), "TIFF", compression="jpeg"),
    "TIFF of CMYK": lambda: encoded(smooth(*SIZE), "TIFF", "CMYK", compression="tiff_lzw"),
    "TIFF of 16-bit grey": lambda: deep(np.uint16),
    "TIFF of 32-bit grey": lambda: deep(np.int32),
    "TIFF of floating-point grey": lambda: deep(np.float32),
}


def deep(kind: type[np.generic]) -> bytes:
    samples = np.tile(np.linspace(0, 60_000, SIZE[0]), (SIZE[1], 1)).astype(kind)
    return encoded(samples, "TIFF", compression="tiff_adobe_deflate")


@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.parametrize("shrink_to_px", [None, 224])
def test_large_picture_stays_within_the_limits_of_its_worker(kind: str, shrink_to_px: int | None) -> None:
    image = decode(LARGE[kind](), Limits(), shrink_to_px=shrink_to_px)
    assert (image.width_px, image.height_px) == SIZE
