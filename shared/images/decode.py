"""Step 2: decode bytes to pixels, within limits that are checked before a pixel is decoded.

Formats whose decoders have a long history of vulnerabilities (HEIC, AVIF, TIFF, lossless WebP) are decoded in a
subprocess, whose time and memory the operating system limits (``decode_in_subprocess``); the others in this process.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from shared.errors import DamagedImage, NotAnImage, TooManyBytes
from shared.images import decode_in_process
from shared.images.decode_in_process import JPEG_END
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
"""Content type by extension, which the archive sends to browsers instead of the upload's own."""

OTHER_BITS = b"\x55\xaa\x0f\xf0\x33\xcc" * 64
"""Bytes that a JPEG's decoder reads as coded pixels, which shows whether any are missing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of an image file."""

    max_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 50_000_000


def decode(
    content: bytes, limits: Limits, *, shrink_to_px: int | None = None, budget: MemoryBudget = UNLIMITED
) -> Image:
    """Decode an image's bytes to upright RGB.

    JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and HEIC; of several frames or pages the first. CMYK, palettes, 16 bits,
    grey and transparency (on white) are converted. The format is read from the bytes; names and content types do not
    matter. A PNG with broken metadata is decoded, and so is a JPEG that lacks only its end marker.

    Args:
        content: the whole file.
        limits: limits of bytes and pixels, both checked before pixels are decoded.
        shrink_to_px: the edge that the model takes. A larger picture is decoded or reduced by a whole factor, so
            that its shorter edge stays at least this long. None keeps every pixel.
        budget: memory that all decodes of the process share.

    Raises:
        NotAnImage: the format, or this variant of it, is not supported; also zero bytes.
        TooManyBytes: over ``limits.max_bytes``.
        TooManyPixels: over ``limits.max_pixels``, or more than the capacity of ``budget``.
        DamagedImage: truncated or broken.
        TooCostly: decoding takes more time or memory than a picture of its size may take.
        Busy: no room in ``budget``, or the system has no memory for one more.
    """
    if not content:
        raise NotAnImage("The file is empty (0 bytes); upload an image.")
    check_size(len(content), limits)
    if not is_plain(content) and os.name == "posix":
        from shared.images import decode_in_subprocess  # plain pictures do not need it, so a start stays short

        return decode_in_subprocess.decode(content, limits.max_pixels, shrink_to_px, budget)
    try:
        return decode_in_process.decode(content, limits.max_pixels, shrink_to_px, budget)
    except DamagedImage as damage:
        return _decode_repaired(content, limits, shrink_to_px, budget, damage)


def check_size(size_bytes: int, limits: Limits) -> None:
    """Refuse a file by its size alone, before it is downloaded or parsed.

    Raises:
        TooManyBytes: over ``limits.max_bytes``.
    """
    if size_bytes > limits.max_bytes:
        raise TooManyBytes(
            f"The file has {size_bytes:,} bytes, which is over the limit of {limits.max_bytes:,}; upload a smaller one."
        )


def _decode_repaired(
    content: bytes, limits: Limits, shrink_to_px: int | None, budget: MemoryBudget, damage: DamagedImage
) -> Image:
    """Decode a damaged file again without its ancillary parts, or with an end marker, if its pixels are whole."""
    from shared.images.metadata.png import without_ancillary_chunks

    match kind_of(content):
        case "png" if (bare := without_ancillary_chunks(content)) is not None:
            return decode_in_process.decode(bare, limits.max_pixels, shrink_to_px, budget)
        case "jpeg" if not content.endswith(JPEG_END):
            cut = content.removesuffix(JPEG_END[:1])
            ended, other = (
                decode_in_process.decode(cut + bits + JPEG_END, limits.max_pixels, shrink_to_px, budget)
                for bits in (b"", OTHER_BITS)
            )
            if np.array_equal(ended.pixels, other.pixels):  # no pixel depends on what is missing
                return ended
    raise damage
