"""Step 2: bytes become pixels, within limits that are checked before a pixel is decoded."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import PIL.Image
from PIL import UnidentifiedImageError
from pillow_heif import register_heif_opener

from shared.decode_cost import (
    BYTES_PER_PIXEL,
    bytes_needed,
    bytes_per_pixel,
    is_progressive,
    pixels_held,
    webp_size,
)
from shared.errors import BucketlensError, Busy, DamagedImage, NotAnImage, TooManyBytes, TooManyPixels
from shared.file_kinds import kind_of
from shared.memory import MIB, UNLIMITED, MemoryBudget
from shared.rgb import SIDEWAYS, TURNS, orientation_of, upright_rgb
from shared.types import Image

register_heif_opener()
PIL.Image.MAX_IMAGE_PIXELS = None  # our own limit, below, is checked first and says what to do
warnings.filterwarnings("ignore", module=r"PIL\.")  # of odd metadata, which is none of our business

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
"""As Pillow names them. A JPEG of several pictures opens as JPEG and is then called MPO."""

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

MAX_JPEG_SCANS = 100
"""A progressive JPEG has about ten. Each is a pass over all pixels, and can be written in a few bytes."""

JPEG_SCALES = (8, 4, 2, 1)


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
    not asked.

    Args:
        content: the whole file.
        limits: on bytes and pixels, both checked before pixels are decoded.
        shrink_to_px: the edge that the model takes. A larger picture is decoded or reduced by a whole factor, so
            that its shorter edge stays at least this long. None keeps every pixel.
        budget: shared by all decodes of the process.

    Raises:
        NotAnImage: no format that we know; also zero bytes.
        TooManyBytes: over ``limits.max_bytes``.
        TooManyPixels: over ``limits.max_pixels``, or more than ``budget`` has room for at all.
        DamagedImage: truncated, or broken inside.
        Busy: no room in ``budget``.
    """
    if not content:
        raise NotAnImage("The file is empty (0 bytes); upload an image.")
    check_size(len(content), limits)
    with _room_to_open(content, limits, shrink_to_px, budget) as has_room, _opened(content) as picture:
        name = "jpeg" if picture.format == "MPO" else str(picture.format).lower()
        size = picture.size
        needed_bytes = 0 if has_room else _needed_after(picture, name, content, limits, shrink_to_px)
        _check_memory(size, name, needed_bytes, budget)
        with budget.room_for(needed_bytes):
            _load(picture, shrink_to_px)
            orientation = orientation_of(picture)
            turn = TURNS.get(orientation)
            pixels = upright_rgb(picture, turn, shrink_to_px)
    width_px, height_px = size[::-1] if turn in SIDEWAYS else size
    return Image(pixels, name, width_px, height_px, orientation)


def check_size(size_bytes: int, limits: Limits) -> None:
    """Refuse a file by its size alone, before it is downloaded or parsed.

    Raises:
        TooManyBytes: over ``limits.max_bytes``.
    """
    if size_bytes > limits.max_bytes:
        raise TooManyBytes(
            f"The file has {size_bytes:,} bytes, which is over the limit of {limits.max_bytes:,}; upload a smaller one."
        )


@contextmanager
def _opened(content: bytes) -> Iterator[PIL.Image.Image]:
    """Open a picture's header; whatever Pillow raises inside the block is translated here, in one place."""
    try:
        with PIL.Image.open(BytesIO(content), formats=FORMATS) as picture:
            yield picture
    except BucketlensError:
        raise
    except MemoryError as error:  # the picture is not to blame
        raise Busy("There is no memory for one more picture; try again in a second.") from error
    except Exception as error:  # parsers raise what they stumble over: struct.error, zlib.error, OverflowError, …
        if isinstance(error, UnidentifiedImageError) and kind_of(content) is None:
            raise NotAnImage(
                f"The file's {len(content):,} bytes are of no image format that is read here "
                "(JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC); upload one of these."
            ) from error
        raise DamagedImage(
            "The file begins like an image, but its pixels cannot be read to the end; "
            "it is truncated or broken. Upload it again from the original."
        ) from error


@contextmanager
def _room_to_open(content: bytes, limits: Limits, shrink_to_px: int | None, budget: MemoryBudget) -> Iterator[bool]:
    """Take a WebP's room before it is opened, since opening it allocates. Says whether it was taken."""
    if (size := webp_size(content)) is None:
        yield False
        return
    held = size[0] * size[1]
    _check_pixels(size, held, limits)
    needed_bytes = bytes_needed(size, held, BYTES_PER_PIXEL["webp"], shrink_to_px)
    _check_memory(size, "webp", needed_bytes, budget)
    with budget.room_for(needed_bytes):
        yield True


def _needed_after(picture: PIL.Image.Image, name: str, content: bytes, limits: Limits, shrink_to_px: int | None) -> int:
    """Refuse a picture by what its header says. Returns how many bytes its decode takes."""
    held = pixels_held(picture, name, content)
    _check_pixels(picture.size, held, limits)
    if name == "jpeg" and is_progressive(picture) and (scans := content.count(b"\xff\xda")) > MAX_JPEG_SCANS:
        raise DamagedImage(
            f"The JPEG is written in {scans:,} passes over its pixels, expected at most {MAX_JPEG_SCANS}; "
            "save it again with an image editor."
        )
    return bytes_needed(picture.size, held, bytes_per_pixel(picture, name, content), shrink_to_px)


def _check_pixels(size: tuple[int, int], held: int, limits: Limits) -> None:
    if held > limits.max_pixels:
        raise TooManyPixels(
            f"The picture is {size[0]} x {size[1]} pixels, {held:,} to decode, which is over the limit of "
            f"{limits.max_pixels:,}; upload a smaller one."
        )


def _check_memory(size: tuple[int, int], name: str, needed_bytes: int, budget: MemoryBudget) -> None:
    """Refuse a picture that would end the process, and with it the work on all others."""
    if needed_bytes > budget.capacity_bytes:
        raise TooManyPixels(
            f"The picture is {size[0]} x {size[1]} pixels of {name.upper()}, which take {needed_bytes // MIB:,} MiB to "
            f"decode, over the {budget.capacity_bytes // MIB:,} MiB that are set aside; upload a smaller one or a "
            "JPEG, or give the service more memory (MEMORY_MB)."
        )


def _load(picture: PIL.Image.Image, shrink_to_px: int | None) -> None:
    if shrink_to_px is not None and picture.format in ("JPEG", "MPO"):
        picture.draft(None, _drafted(picture.size, shrink_to_px))
    picture.load()


def _drafted(size: tuple[int, int], shrink_to_px: int) -> tuple[int, int]:
    """The size at the smallest JPEG scale whose shorter edge is still long enough."""
    scale = next((scale for scale in JPEG_SCALES if min(size) // scale >= shrink_to_px), 1)
    return size[0] // scale, size[1] // scale
