"""Step 2: bytes become pixels, within limits that are checked before a pixel is decoded."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import PIL.Image
from PIL import TiffImagePlugin, UnidentifiedImageError
from pillow_heif import register_heif_opener

from shared.errors import BucketlensError, Busy, DamagedImage, NotAnImage, TooManyBytes, TooManyPixels
from shared.rgb import SIDEWAYS, turn_of, upright_rgb
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

BYTES_PER_PIXEL = {"jpeg": 2, "png": 8, "gif": 8, "bmp": 8, "tiff": 12, "webp": 17, "avif": 17, "heif": 17}
"""Peak memory of a decode for each pixel of the original, rounded up from measurements (docs/decisions/0004)."""

PROGRESSIVE_BYTES_PER_PIXEL = 6
"""More for a progressive JPEG, whose coefficients are held as a whole, whatever the scale."""

RESULT_BYTES_PER_PIXEL = 10
"""For each pixel that is left after reducing: Pillow's picture, and twice the array while it is copied."""

MAX_JPEG_SCANS = 100
"""A progressive JPEG has about ten. Each is a pass over all pixels, and can be written in a few bytes."""

CODED_SIZE = re.compile(rb"\0\0\0\x14ispe\0{4}(.{4})(.{4})", re.DOTALL)
"""Width and height in HEIC's and AVIF's ``ispe`` boxes, before any crop (ISO/IEC 23008-12, 6.5.3)."""

JPEG_SCALES = (8, 4, 2, 1)


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
        size = picture.size
        held = _check_header(picture, name, content, limits)
        with budget.room_for(_bytes_needed(picture, name, held, shrink_to_px)):
            _load(picture, shrink_to_px)
            turn = turn_of(picture)
            pixels = upright_rgb(picture, turn, shrink_to_px)
    width_px, height_px = size[::-1] if turn in SIDEWAYS else size
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
        with PIL.Image.open(BytesIO(content), formats=FORMATS) as picture:
            yield picture
    except BucketlensError:
        raise
    except MemoryError as error:  # the picture is not to blame
        raise Busy("There is no memory for one more picture; try again in a second.") from error
    except Exception as error:  # parsers raise what they stumble over: struct.error, zlib.error, OverflowError, …
        if isinstance(error, UnidentifiedImageError) and not _begins_like_an_image(content):
            raise NotAnImage(
                f"The file's {len(content):,} bytes are of no image format that is read here "
                "(JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC); upload one of these."
            ) from error
        raise DamagedImage(
            "The file begins like an image, but its pixels cannot be read to the end; "
            "it is truncated or broken. Upload it again from the original."
        ) from error


def _begins_like_an_image(content: bytes) -> bool:
    """Whether one of Pillow's formats claims the first bytes, whatever it then makes of the others."""
    claims = (PIL.Image.OPEN[name][1] for name in FORMATS)
    return any(claim(content[:16]) for claim in claims if claim)


def _check_header(picture: PIL.Image.Image, name: str, content: bytes, limits: Limits) -> int:
    """Refuse a picture by what its header says. Returns how many pixels its decoder will hold."""
    held = _pixels_held(picture, name, content)
    if held > limits.max_pixels:
        raise TooManyPixels(
            f"The picture is {picture.width} x {picture.height} pixels, {held:,} to decode, which is over the limit of "
            f"{limits.max_pixels:,}; upload a smaller one."
        )
    if name == "jpeg" and _is_progressive(picture) and (scans := content.count(b"\xff\xda")) > MAX_JPEG_SCANS:
        raise DamagedImage(
            f"The JPEG is written in {scans:,} passes over its pixels, expected at most {MAX_JPEG_SCANS}; "
            "save it again with an image editor."
        )
    return held


def _pixels_held(picture: PIL.Image.Image, name: str, content: bytes) -> int:
    """How many pixels a decoder holds at once: a TIFF's tile or a HEIC's coded picture can be cut to a small one."""
    held = picture.width * picture.height
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        tags = picture.tag_v2
        held = max(held, tags.get(TiffImagePlugin.TILEWIDTH, 0) * tags.get(TiffImagePlugin.TILELENGTH, 0))
    if name in ("heif", "avif"):
        held = max(held, *(int.from_bytes(w) * int.from_bytes(h) for w, h in CODED_SIZE.findall(content)), 0)
    return held


def _bytes_needed(picture: PIL.Image.Image, name: str, held: int, shrink_to_px: int | None) -> int:
    factor = 1 if shrink_to_px is None else max(1, min(picture.size) // shrink_to_px)
    left = picture.width * picture.height // factor**2
    each = BYTES_PER_PIXEL[name] + (PROGRESSIVE_BYTES_PER_PIXEL if _is_progressive(picture) else 0)
    return held * each + left * RESULT_BYTES_PER_PIXEL


def _is_progressive(picture: PIL.Image.Image) -> bool:
    return "progressive" in picture.info


def _load(picture: PIL.Image.Image, shrink_to_px: int | None) -> None:
    if shrink_to_px is not None and picture.format in ("JPEG", "MPO"):
        picture.draft(None, _drafted(picture.size, shrink_to_px))
    picture.load()


def _drafted(size: tuple[int, int], shrink_to_px: int) -> tuple[int, int]:
    """The size at the smallest JPEG scale whose shorter edge is still long enough."""
    scale = next((scale for scale in JPEG_SCALES if min(size) // scale >= shrink_to_px), 1)
    return size[0] // scale, size[1] // scale
