"""Decode a picture in this process: open it, check the limits, reserve memory, load it, turn it upright."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO
from typing import Protocol

import PIL.Image
from PIL import TiffImagePlugin, UnidentifiedImageError
from pillow_heif import register_heif_opener

from shared.errors import BucketlensError, Busy, DamagedImage, NotAnImage, TooManyPixels
from shared.images.headers.decode_cost import (
    BYTES_PER_PIXEL,
    bytes_needed,
    bytes_per_pixel,
    coefficient_bytes,
    pixels_held,
    webp_size,
)
from shared.images.headers.file_kinds import kind_of
from shared.images.headers.jpeg_scans import scans_of
from shared.images.memory_budget import MIB
from shared.images.rgb import SIDEWAYS, TURNS, declared_white, orientation_of, read_white_is_zero, upright_rgb
from shared.types import Image

register_heif_opener()
read_white_is_zero(TiffImagePlugin.OPEN_INFO)
PIL.Image.MAX_IMAGE_PIXELS = None  # our own limit, below, is checked first, and its message has the remedy
warnings.filterwarnings("ignore", module=r"PIL\.")  # of odd metadata, which does not matter here

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
"""Formats by Pillow's names. A JPEG of several pictures opens as JPEG, and Pillow then calls it MPO."""

JPEG_END = b"\xff\xd9"
JPEG_SCALES = (8, 4, 2, 1)


class Budget(Protocol):
    """A port for memory that decodes share; ``memory_budget.MemoryBudget`` provides it."""

    @property
    def capacity_bytes(self) -> int:
        """The whole budget."""

    def room_for(self, needed_bytes: int) -> AbstractContextManager[None]:
        """Reserve memory during the block."""


def decode(content: bytes, max_pixels: int, shrink_to_px: int | None, budget: Budget) -> Image:
    """Decode a picture; see ``decode.decode``.

    Raises:
        NotAnImage: the format, or this variant of it, is not supported.
        TooManyPixels: over ``max_pixels``, or more than the capacity of ``budget``.
        DamagedImage: truncated or broken.
        Busy: no room in ``budget``, or the system has no memory.
    """
    with _reserve_to_open(content, max_pixels, shrink_to_px, budget) as is_reserved, _open(content) as picture:
        name = "jpeg" if picture.format == "MPO" else str(picture.format).lower()
        size = picture.size
        needed_bytes = 0 if is_reserved else _check_header(picture, name, content, max_pixels, shrink_to_px)
        _check_memory(size, name, needed_bytes, budget)
        with budget.room_for(needed_bytes):
            _load(picture, shrink_to_px)
            orientation = orientation_of(picture)
            turn = TURNS.get(orientation)
            box = _clean_aperture(content, size) if name == "avif" else None
            size = size if box is None else (box[2] - box[0], box[3] - box[1])
            white = declared_white(picture, content)
            pixels, note = upright_rgb(picture if box is None else picture.crop(box), turn, shrink_to_px, white)
    width_px, height_px = size[::-1] if turn in SIDEWAYS else size
    return Image(pixels, name, width_px, height_px, orientation, note)


@contextmanager
def _open(content: bytes) -> Iterator[PIL.Image.Image]:
    """Open a picture's header, and translate every error of Pillow inside the block."""
    try:
        with PIL.Image.open(BytesIO(content), formats=FORMATS) as picture:
            yield picture
    except BucketlensError:
        raise
    except MemoryError as error:  # not the picture's fault
        raise Busy("There is no memory for one more picture; try again in a second.") from error
    except Exception as error:  # parsers raise anything: struct.error, zlib.error, OverflowError, …
        from shared.images.headers.unsupported_formats import unsupported_format  # so a start stays short

        if (name := unsupported_format(content, is_opened=not isinstance(error, UnidentifiedImageError))) is not None:
            raise NotAnImage(
                f"The file is {name}, which is not supported; upload the picture as JPEG, PNG, WebP, GIF, BMP, TIFF, "
                "AVIF or HEIC."
            ) from error
        if isinstance(error, UnidentifiedImageError) and kind_of(content) is None:
            raise NotAnImage(
                f"The file's {len(content):,} bytes are not in a supported image format "
                "(JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC); upload one of these."
            ) from error
        raise DamagedImage(
            "The file begins like an image, but its pixels cannot be read to the end; "
            "it is truncated or broken. Upload it again from the original."
        ) from error


@contextmanager
def _reserve_to_open(content: bytes, max_pixels: int, shrink_to_px: int | None, budget: Budget) -> Iterator[bool]:
    """Reserve a WebP's memory before it is opened, since opening it allocates; yield whether it was reserved."""
    if (size := webp_size(content)) is None:
        yield False
        return
    held = size[0] * size[1]
    _check_pixels(size, held, max_pixels)
    needed_bytes = bytes_needed(size, held, BYTES_PER_PIXEL["webp"], shrink_to_px)
    _check_memory(size, "webp", needed_bytes, budget)
    with budget.room_for(needed_bytes):
        yield True


def _check_header(
    picture: PIL.Image.Image, name: str, content: bytes, max_pixels: int, shrink_to_px: int | None
) -> int:
    """Check a picture's header against the limits, and return the bytes that its decode takes."""
    try:
        held = pixels_held(picture, name, content)
    except (ValueError, LookupError) as error:
        raise DamagedImage(
            "The file contradicts itself about its picture's size; save it again with an image editor."
        ) from error
    _check_pixels(picture.size, held, max_pixels)
    needed_bytes = bytes_needed(picture.size, held, bytes_per_pixel(picture, name, content), shrink_to_px)
    if name != "jpeg":
        return needed_bytes
    scans = scans_of(content)
    if scans.number > scans.max_scans:
        raise DamagedImage(
            f"The JPEG is written in more than {scans.max_scans} passes over its pixels, the most that its kind may "
            "have; save it again with an image editor."
        )
    return needed_bytes + coefficient_bytes(picture.size, scans)


def _check_pixels(size: tuple[int, int], held: int, max_pixels: int) -> None:
    if held > max_pixels:
        raise TooManyPixels(
            f"The picture is {size[0]} x {size[1]} pixels, {held:,} to decode, which is over the limit of "
            f"{max_pixels:,}; upload a smaller one."
        )


def _check_memory(size: tuple[int, int], name: str, needed_bytes: int, budget: Budget) -> None:
    """Refuse a picture whose decode would exhaust the process's memory, and end the work on all others."""
    if needed_bytes > budget.capacity_bytes:
        raise TooManyPixels(
            f"The picture is {size[0]} x {size[1]} pixels of {name.upper()}, which take {needed_bytes // MIB:,} MiB to "
            f"decode, over the {budget.capacity_bytes // MIB:,} MiB that are set aside; upload a smaller one or a "
            "JPEG, or give the service more memory (MEMORY_MB)."
        )


def _clean_aperture(content: bytes, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    from shared.images.headers.clean_aperture import clean_aperture  # only AVIF needs it, so a start stays short

    return clean_aperture(content, size)


def _load(picture: PIL.Image.Image, shrink_to_px: int | None) -> None:
    if shrink_to_px is not None and picture.format in ("JPEG", "MPO"):
        picture.draft(None, _draft_size(picture.size, shrink_to_px))
    picture.load()


def _draft_size(size: tuple[int, int], shrink_to_px: int) -> tuple[int, int]:
    """Return the size at the smallest JPEG scale whose shorter edge is still long enough."""
    scale = next((scale for scale in JPEG_SCALES if min(size) // scale >= shrink_to_px), 1)
    return size[0] // scale, size[1] // scale
