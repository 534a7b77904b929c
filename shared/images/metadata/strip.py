"""A picture of any format without its metadata, and the proof that its pixels are the same."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np

from shared.errors import MetadataStays, Permanent
from shared.images.decode import Limits, decode
from shared.images.memory_budget import MemoryBudget
from shared.images.metadata.bmp import stripped_bmp
from shared.images.metadata.chunks import stripped_webp
from shared.images.metadata.gif import stripped_gif
from shared.images.metadata.heif import stripped_heif
from shared.images.metadata.jpeg import stripped_jpeg
from shared.images.metadata.png import stripped_png
from shared.images.metadata.tiff import stripped_tiff
from shared.types import Image

STRIPPED: dict[str, Callable[[bytes, int], bytes]] = {
    "jpeg": stripped_jpeg,
    "png": stripped_png,
    "webp": stripped_webp,
    "gif": lambda content, _: stripped_gif(content),
    "tiff": lambda content, _: stripped_tiff(content),
    "avif": lambda content, _: stripped_heif(content),
    "heif": lambda content, _: stripped_heif(content),
    "bmp": lambda content, _: stripped_bmp(content),
}
"""By ``Image.format``; each takes the file and the orientation."""


def without_metadata(
    content: bytes, image: Image, limits: Limits, *, shrink_to_px: int | None, budget: MemoryBudget
) -> bytes:
    """Return a picture's file without metadata; it is decoded again, and must show what it showed.

    Args:
        content: the whole file.
        image: what it was decoded to.
        limits: as it was decoded with.
        shrink_to_px: as it was decoded with.
        budget: for the second decode.

    Raises:
        MetadataStays: the file is built in a way that its metadata cannot be told from its picture.
        Busy: no room in ``budget``.
    """
    try:
        stripped = STRIPPED[image.format](content, image.orientation)
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
        f"The picture's metadata cannot be taken out of this {format.upper()} without touching its pixels, and this "
        "service keeps no metadata; save it again with an image editor."
    )
