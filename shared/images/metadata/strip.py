"""Strip the metadata of an image file of any format, and verify that its pixels are the same."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np

from shared.errors import MetadataStays, Permanent
from shared.images.decode import Limits, decode
from shared.images.memory_budget import MemoryBudget
from shared.images.metadata.bmp import strip_bmp
from shared.images.metadata.gif import strip_gif
from shared.images.metadata.heif import strip_heif
from shared.images.metadata.jpeg import strip_jpeg
from shared.images.metadata.png import strip_png
from shared.images.metadata.tiff import strip_tiff
from shared.images.metadata.webp import strip_webp
from shared.types import Image

STRIPPERS: dict[str, Callable[[bytes, int], bytes]] = {
    "jpeg": strip_jpeg,
    "png": strip_png,
    "webp": strip_webp,
    "gif": lambda content, _: strip_gif(content),
    "tiff": lambda content, _: strip_tiff(content),
    "avif": lambda content, _: strip_heif(content),
    "heif": lambda content, _: strip_heif(content),
    "bmp": lambda content, _: strip_bmp(content),
}
"""By ``Image.format``; each takes the file and the orientation."""


def strip_metadata(
    content: bytes, image: Image, limits: Limits, *, shrink_to_px: int | None, budget: MemoryBudget
) -> bytes:
    """Return an image file without metadata; it is decoded again, and must give the same pixels.

    Args:
        content: the whole file.
        image: the decoded file.
        limits: the limits that the file was decoded with.
        shrink_to_px: the edge that the file was decoded with.
        budget: memory for the second decode.

    Raises:
        MetadataStays: the metadata of this file cannot be separated from its picture.
        Busy: no room in ``budget``.
    """
    try:
        stripped = STRIPPERS[image.format](content, image.orientation)
        again = decode(stripped, limits, shrink_to_px=shrink_to_px, budget=budget)
    except (ValueError, LookupError, struct.error, zlib.error, Permanent) as error:
        raise _stays(image.format) from error
    if (again.format, again.width_px, again.height_px) != (image.format, image.width_px, image.height_px):
        raise _stays(image.format)
    if not np.array_equal(again.pixels, image.pixels):
        raise _stays(image.format)
    return stripped


def _stays(format: str) -> MetadataStays:
    return MetadataStays(
        f"The picture's metadata cannot be removed from this {format.upper()} without changing its pixels, and this "
        "service keeps no metadata; save it again with an image editor."
    )
