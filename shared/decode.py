"""Step 2: bytes become pixels, within limits that are checked before a pixel is decoded."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import PIL.Image
import PIL.ImageOps
from PIL import ExifTags, UnidentifiedImageError
from pillow_heif import register_heif_opener

from shared.errors import Busy, DamagedImage, NotAnImage, TooManyBytes, TooManyPixels
from shared.types import Image, Pixels

register_heif_opener()
PIL.Image.MAX_IMAGE_PIXELS = None  # our own limit, below, is checked first and says what to do

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

BYTES_PER_PIXEL = {"jpeg": 2, "png": 8, "gif": 8, "bmp": 8, "tiff": 12, "webp": 17, "avif": 17, "heif": 17}
"""Peak memory of a decode for each pixel of the original, rounded up from measurements (docs/decisions/0004)."""

JPEG_SCALES = (8, 4, 2, 1)
WHITE = (255, 255, 255, 255)


@dataclass(frozen=True, slots=True)
class Limits:
    """What we are willing to read."""

    max_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 50_000_000


class PixelBudget:
    """Memory that the decodes in flight share: who finds no room waits, and then is told to come back.

    Thread-safe. A single picture that is larger than the whole budget is let in alone.
    """

    def __init__(self, capacity_bytes: int, patience_s: float = 5.0) -> None:
        self.capacity_bytes = capacity_bytes
        self.patience_s = patience_s
        self._taken_bytes = 0
        self._freed = threading.Condition()

    @contextmanager
    def room_for(self, needed_bytes: int) -> Iterator[None]:
        """Hold ``needed_bytes`` of the budget for the length of the block.

        Raises:
            Busy: there was no room within ``patience_s`` seconds.
        """
        needed_bytes = min(needed_bytes, self.capacity_bytes)
        with self._freed:
            fits = self._freed.wait_for(
                lambda: self._taken_bytes + needed_bytes <= self.capacity_bytes, timeout=self.patience_s
            )
            if not fits:
                raise Busy("The pictures being decoded fill the memory set aside for them; try again in a second.")
            self._taken_bytes += needed_bytes
        try:
            yield
        finally:
            with self._freed:
                self._taken_bytes -= needed_bytes
                self._freed.notify_all()


UNLIMITED = PixelBudget(1 << 62)


def decode(
    content: bytes, limits: Limits, *, shrink_to_px: int | None = None, budget: PixelBudget = UNLIMITED
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
        TooManyPixels: over ``limits.max_pixels``.
        DamagedImage: truncated, or broken inside.
        Busy: no room in ``budget``.
    """
    if not content:
        raise NotAnImage("The file is empty (0 bytes); upload an image.")
    check_size(len(content), limits)
    with _opened(content) as picture:
        name = "jpeg" if picture.format == "MPO" else str(picture.format).lower()
        width_px, height_px = picture.size
        if width_px * height_px > limits.max_pixels:
            raise TooManyPixels(
                f"The picture is {width_px} x {height_px} pixels, which is over the limit of {limits.max_pixels:,}; "
                "upload a smaller one."
            )
        if _turns_sideways(picture):
            width_px, height_px = height_px, width_px
        with budget.room_for(width_px * height_px * BYTES_PER_PIXEL[name]):
            pixels = _pixels_from(picture, shrink_to_px)
    return Image(pixels, name, width_px, height_px)


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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata, which is none of our business
            with PIL.Image.open(BytesIO(content), formats=FORMATS) as picture:
                yield picture
    except UnidentifiedImageError as error:
        raise NotAnImage(
            f"The file's {len(content):,} bytes are of no image format that is read here "
            "(JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC); upload one of these."
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, RuntimeError, KeyError) as error:
        raise DamagedImage(
            "The file begins like an image, but its pixels cannot be read to the end; "
            "it is truncated or broken. Upload it again from the original."
        ) from error


def _turns_sideways(picture: PIL.Image.Image) -> bool:
    """Whether EXIF orientation swaps width and height; HEIF and AVIF files arrive already turned."""
    return picture.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)


def _pixels_from(picture: PIL.Image.Image, shrink_to_px: int | None) -> Pixels:
    if shrink_to_px is not None and picture.format in ("JPEG", "MPO"):
        picture.draft(None, _drafted(picture.size, shrink_to_px))
    picture.load()
    if shrink_to_px is not None and (factor := min(picture.size) // shrink_to_px) > 1:
        if picture.mode in ("P", "1", "PA"):
            picture = _as_rgb(picture)
        picture = _reduced(picture, factor)
    upright = PIL.ImageOps.exif_transpose(picture)
    return np.asarray(_as_rgb(upright), dtype=np.uint8)


def _drafted(size: tuple[int, int], shrink_to_px: int) -> tuple[int, int]:
    """The size at the smallest JPEG scale whose shorter edge is still long enough."""
    scale = next((scale for scale in JPEG_SCALES if min(size) // scale >= shrink_to_px), 1)
    return size[0] // scale, size[1] // scale


def _reduced(picture: PIL.Image.Image, factor: int) -> PIL.Image.Image:
    """Average blocks of ``factor`` x ``factor`` pixels, and keep what says how to turn the picture."""
    exif = picture.getexif()
    reduced = picture.reduce(factor) if not picture.mode.startswith("I;16") else _eight_bits(picture).reduce(factor)
    reduced.getexif().update(exif)
    return reduced


def _as_rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    if picture.mode == "RGB":
        return picture
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        return _eight_bits(picture).convert("RGB")
    if picture.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in picture.info:
        above = picture.convert("RGBA")
        return PIL.Image.alpha_composite(PIL.Image.new("RGBA", above.size, WHITE), above).convert("RGB")
    return picture.convert("RGB")


def _eight_bits(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Grey of more than 8 bits to 8, by its range: Pillow's own conversion clips everything above 255 to white."""
    values = np.asarray(picture).astype(np.float32)
    if picture.mode.startswith("I"):
        top = 65535.0 if values.max(initial=0) > 255 else 255.0
    else:
        top = 1.0 if values.max(initial=0) <= 1.0 else 255.0 if values.max(initial=0) <= 255 else 65535.0
    return PIL.Image.fromarray((np.clip(np.nan_to_num(values) / top, 0, 1) * 255 + 0.5).astype(np.uint8))
