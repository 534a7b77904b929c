"""Cost of decoding a picture, computed from its header: pixels held and bytes of memory."""

from __future__ import annotations

import re
from contextlib import suppress

import PIL.Image
from PIL import TiffImagePlugin

from shared.images.headers.jpeg_scans import Scans

BYTES_PER_PIXEL = {"jpeg": 2, "png": 8, "gif": 8, "bmp": 8, "tiff": 12, "webp": 17, "avif": 12, "heif": 8}
"""Peak memory of a decode for each pixel of the original, rounded up from measurements (docs/decisions/0004)."""

COEFFICIENT_BYTES = 2
"""Additional bytes for each component of a JPEG whose coefficients are held as a whole, at any scale."""

MIN_COMPONENTS = 3
"""The fewest components to count: a component may be padded to the size of the largest."""

LARGEST_BLOCK_PX = 32
"""Multiple to which libjpeg pads a picture in either direction: four blocks of eight pixels."""

DEEP_BYTES_PER_PIXEL = 17
"""Replaces the number above for AVIF, and for HEIC with full chroma, of more than 8 bits a channel."""

FULL_CHROMA_BYTES_PER_PIXEL = 10
"""Replaces the number above for HEIC with full chroma or with transparency."""

RESULT_BYTES_PER_PIXEL = 10
"""Bytes for each pixel after reducing: Pillow's picture, and twice the array while it is copied."""

AV1_FLAGS = re.compile(rb"av1C\x81.(.)", re.DOTALL)
"""The third byte of AVIF's ``av1C`` boxes (AV1 in ISOBMFF, 2.3.3), whose second bit means over 8 bits a channel."""


def webp_size(content: bytes) -> tuple[int, int] | None:
    """Return width and height in a WebP's header (RFC 9649, 2.5 to 2.7); None for other formats and a broken header.

    They are needed before Pillow opens the file, since it then allocates two whole pictures.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) < 30:
        return None
    match content[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
        case b"VP8L":
            bits = int.from_bytes(content[21:25], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            return int.from_bytes(content[26:28], "little") & 0x3FFF, int.from_bytes(content[28:30], "little") & 0x3FFF
    return None


def pixels_held(picture: PIL.Image.Image, name: str, content: bytes) -> int:
    """Return the pixels that a decoder holds: a TIFF's tile or a HEIC's coded picture may be larger than the picture.

    Raises:
        ValueError: the file contradicts itself about its size.
        LookupError: likewise.
    """
    held = picture.width * picture.height
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        tags = picture.tag_v2
        held = max(held, tags.get(TiffImagePlugin.TILEWIDTH, 0) * tags.get(TiffImagePlugin.TILELENGTH, 0))
    if name in ("avif", "heif"):
        from shared.images.headers.coded_size import (  # no other picture needs it, so a start stays short
            coded_pixels,
            declared_pixels,
        )
    if name == "avif":
        held = max(held, coded_pixels(content, name))
    elif name == "heif":
        with suppress(ValueError, LookupError):  # libheif checks it, and refuses pictures larger than declared
            held = max(held, declared_pixels(content))
            held = max(held, coded_pixels(content, name))
    return held


def padded_pixels(size: tuple[int, int]) -> int:
    """Return the number of pixels whose coefficients libjpeg holds, where it holds all of them."""
    width, height = (-(-side // LARGEST_BLOCK_PX) * LARGEST_BLOCK_PX for side in size)
    return width * height


def bytes_per_pixel(picture: PIL.Image.Image, name: str, content: bytes) -> int:
    """Return the bytes that a picture's decoder takes for each pixel that it holds."""
    if name == "avif" and any(flags[0] & 0x40 for flags in AV1_FLAGS.findall(content)):
        return DEEP_BYTES_PER_PIXEL
    if name == "heif" and (picture.info.get("chroma") != 420 or picture.mode != "RGB"):
        return DEEP_BYTES_PER_PIXEL if picture.info.get("bit_depth", 8) > 8 else FULL_CHROMA_BYTES_PER_PIXEL
    return BYTES_PER_PIXEL[name]


def coefficient_bytes(size: tuple[int, int], scans: Scans) -> int:
    """Return the additional bytes of a JPEG whose coefficients are held as a whole."""
    if not scans.is_held_whole:
        return 0
    return padded_pixels(size) * COEFFICIENT_BYTES * max(MIN_COMPONENTS, scans.components)


def bytes_needed(size: tuple[int, int], held: int, per_pixel: int, shrink_to_px: int | None) -> int:
    """Return the peak memory of a decode, in bytes, including the reduced picture."""
    factor = 1 if shrink_to_px is None else max(1, min(size) // shrink_to_px)
    return held * per_pixel + size[0] * size[1] // factor**2 * RESULT_BYTES_PER_PIXEL
