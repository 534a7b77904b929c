"""Step 2: bytes become pixels, within limits that are checked before a pixel is decoded.

What has a long history of decoders that can be led astray (HEIC, AVIF, TIFF, lossless WebP) is decoded in a process of
its own, which the operating system holds to its time and memory (``decode_apart``); the others here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from shared.errors import DamagedImage, NotAnImage, TooManyBytes
from shared.images import decode_here
from shared.images.decode_here import JPEG_END
from shared.images.headers.file_kinds import is_plain, kind_of
from shared.images.memory_budget import UNLIMITED, MemoryBudget
from shared.types import Image

EXTENSIONS = {
    "jpeg": "jpg",
    "png": "png",
    "webp": "webp",
    "gif": "gif",
    "bmp": "bmp",
    "tiff": "tiff",
    "avif": "avif",
    "heif": "heic",
}
"""File name extension by ``Image.format``."""

CONTENT_TYPES = {extension: f"image/{name}" for name, extension in EXTENSIONS.items()}
"""Content type by extension: what the archive tells browsers, whatever the upload claimed."""

OTHER_BITS = b"\x55\xaa\x0f\xf0\x33\xcc" * 64
"""What a JPEG's decoder would take for coded pixels, were any missing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What we are willing to read."""

    max_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 50_000_000


def decode(
    content: bytes, limits: Limits, *, shrink_to_px: int | None = None, budget: MemoryBudget = UNLIMITED
) -> Image:
    """Decode a picture's bytes, upright, as RGB.

    JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and HEIC; of several frames or pages the first. CMYK, palettes, 16 bits,
    grey and transparency (on white) are converted. The format is read from the bytes; names and content types are
    not asked. A PNG is read whatever its metadata is like, and a JPEG that lacks nothing but its end marker too.

    Args:
        content: the whole file.
        limits: on bytes and pixels, both checked before pixels are decoded.
        shrink_to_px: the edge that the model takes. A larger picture is decoded or reduced by a whole factor, so
            that its shorter edge stays at least this long. None keeps every pixel.
        budget: shared by all decodes of the process.

    Raises:
        NotAnImage: no format that we know, or a kind of one that is not read; also zero bytes.
        TooManyBytes: over ``limits.max_bytes``.
        TooManyPixels: over ``limits.max_pixels``, or more than ``budget`` has room for at all.
        DamagedImage: truncated, or broken inside.
        TooCostly: it takes more time or memory than a picture of its size may take.
        Busy: no room in ``budget``, or the system has no memory for one more.
    """
    if not content:
        raise NotAnImage("The file is empty (0 bytes); upload an image.")
    check_size(len(content), limits)
    if not is_plain(content) and os.name == "posix":
        from shared.images import decode_apart  # plain pictures do without it, and a start is short

        return decode_apart.decode(content, limits.max_pixels, shrink_to_px, budget)
    try:
        return decode_here.decode(content, limits.max_pixels, shrink_to_px, budget)
    except DamagedImage as damage:
        return _decode_what_is_whole(content, limits, shrink_to_px, budget, damage)


def check_size(size_bytes: int, limits: Limits) -> None:
    """Refuse a file by its size alone, before it is downloaded or parsed.

    Raises:
        TooManyBytes: over ``limits.max_bytes``.
    """
    if size_bytes > limits.max_bytes:
        raise TooManyBytes(
            f"The file has {size_bytes:,} bytes, which is over the limit of {limits.max_bytes:,}; upload a smaller one."
        )


def _decode_what_is_whole(
    content: bytes, limits: Limits, shrink_to_px: int | None, budget: MemoryBudget, damage: DamagedImage
) -> Image:
    """Decode a file once more whose pixels may be whole, though something else in it is not."""
    from shared.images.metadata.png import without_ancillary_chunks

    match kind_of(content):
        case "png" if (bare := without_ancillary_chunks(content)) is not None:
            return decode_here.decode(bare, limits.max_pixels, shrink_to_px, budget)
        case "jpeg" if not content.endswith(JPEG_END):
            cut = content.removesuffix(JPEG_END[:1])
            ended, other = (
                decode_here.decode(cut + bits + JPEG_END, limits.max_pixels, shrink_to_px, budget)
                for bits in (b"", OTHER_BITS)
            )
            if np.array_equal(ended.pixels, other.pixels):  # no pixel depends on what is missing
                return ended
    raise damage
