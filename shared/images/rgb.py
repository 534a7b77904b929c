"""Convert a loaded picture of any of Pillow's modes to upright RGB: the second half of decoding."""

from __future__ import annotations

from typing import Any

import numpy as np
import PIL.Image
from PIL import ExifTags, TiffImagePlugin

from shared.types import Pixels

WHITE = (255, 255, 255, 255)

AVERAGED_MODES = ("RGB", "L", "RGBA", "LA", "CMYK", "YCbCr")
"""Pillow's modes whose numbers can be averaged before they are converted."""

TWELVE_BITS, SIXTEEN_BITS = 4095, 65535
"""Values of white; X-ray detectors and many cameras have 12 bits, though files often keep their values in 16."""

FULL_SCALE = {
    "I;16": (TWELVE_BITS, SIXTEEN_BITS),
    "I": (255, TWELVE_BITS, SIXTEEN_BITS, 2**31 - 1),
    "F": (1, 255, TWELVE_BITS, SIXTEEN_BITS),
}
"""Numbers that may be white, by mode, where the file declares none: the first that no pixel exceeds."""

BITS = {"I;16": 16, "I": 32, "F": 32}

STRIP_LINES = 64
"""Number of lines that are converted in one step."""

DARKEST_SCALED = 255
"""A picture of 16 bits without a value above this is black, and stays black."""

BITS_PER_SAMPLE, PHOTOMETRIC, MAX_SAMPLE_VALUE = 258, 262, 281
"""Tags of TIFF 6.0. In a photometric interpretation of 0, zero is white; of 1, black."""

TURNS = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
"""Transpositions that make a picture upright, by EXIF orientation (Exif 2.32, tag 0x0112)."""

SIDEWAYS = (
    PIL.Image.Transpose.TRANSPOSE,
    PIL.Image.Transpose.ROTATE_270,
    PIL.Image.Transpose.TRANSVERSE,
    PIL.Image.Transpose.ROTATE_90,
)


def orientation_of(picture: PIL.Image.Image) -> int:
    """Return a loaded picture's EXIF orientation: 1 is upright, 2 to 8 need one of ``TURNS``.

    Call it only after loading: reading EXIF decodes a PNG, and TIFF and HEIC are turned while they are loaded.
    """
    try:
        orientation: int = picture.getexif().get(ExifTags.Base.Orientation, 1)
        is_known = orientation in TURNS
    except Exception:  # broken metadata must not refuse a picture whose pixels are fine
        return 1
    return orientation if is_known else 1


def read_white_is_zero(kinds: dict[Any, Any]) -> None:
    """Let Pillow open TIFFs of more than 8 bits whose zero is white like those whose zero is black; idempotent.

    ``upright_rgb`` inverts their numbers: Pillow does that only for 8 bits, and opens only one other such kind.

    Args:
        kinds: Pillow's table of TIFFs that it opens, by byte order, photometric interpretation, and samples.
    """
    for (order, photometric, *samples), (mode, raw) in list(kinds.items()):
        if photometric == 1 and _is_deep(mode):
            kinds.setdefault((order, 0, *samples), (mode, raw))


def declared_white(picture: PIL.Image.Image, content: bytes) -> int | None:
    """Return the number that a file declares white if it uses fewer bits than its samples have; None otherwise.

    TIFF declares it in BitsPerSample or MaxSampleValue, PNG in ``sBIT`` (https://www.w3.org/TR/png-3, 11.3.2.5).
    """
    if not _is_deep(picture.mode):
        return None
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        bits, white = (_first(picture.tag_v2.get(tag)) for tag in (BITS_PER_SAMPLE, MAX_SAMPLE_VALUE))
        return white or (2**bits - 1 if 8 < bits < 16 else None)
    at = content.find(b"sBIT", 0, content.find(b"IDAT")) if picture.format == "PNG" else -1
    bits = content[at + 4] if at > 0 and content[at - 4 : at] == b"\0\0\0\x01" else 0
    return 2**bits - 1 if 1 < bits < 16 else None


def upright_rgb(
    picture: PIL.Image.Image,
    turn: PIL.Image.Transpose | None,
    shrink_to_px: int | None,
    white: int | None = None,
) -> tuple[Pixels, str | None]:
    """Return a loaded picture's pixels, reduced by the largest whole factor that leaves ``shrink_to_px``, and a note.

    Args:
        picture: a picture of any mode; transparency is shown on white.
        turn: one of ``TURNS``; None where it is upright.
        shrink_to_px: the shorter edge stays at least this long; None keeps every pixel.
        white: the number that the file declares white, for grey of more than 8 bits.

    Returns:
        The pixels, shape (height, width, 3), uint8, and a sentence about an unusual conversion, or None.
    """
    note = None
    if _is_deep(picture.mode):
        picture, note = _eight_bits(picture, white)
    elif picture.mode not in AVERAGED_MODES or "transparency" in picture.info:
        picture = _as_rgb(picture)
    if shrink_to_px is not None and (factor := min(picture.size) // shrink_to_px) > 1:
        picture = picture.reduce(factor)
    picture = _as_rgb(picture)
    return np.asarray(picture if turn is None else picture.transpose(turn), dtype=np.uint8), note


def _is_deep(mode: str) -> bool:
    return mode in FULL_SCALE or mode.startswith("I;16")


def _first(value: Any) -> int:
    value = value[0] if isinstance(value, tuple) and value else value
    return value if isinstance(value, int) else 0


def _as_rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    if picture.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in picture.info:
        above = picture.convert("RGBA")
        return PIL.Image.alpha_composite(PIL.Image.new("RGBA", above.size, WHITE), above).convert("RGB")
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _eight_bits(picture: PIL.Image.Image, declared: int | None) -> tuple[PIL.Image.Image, str | None]:
    """Convert grey of more than 8 bits to 8 with all of its tones; Pillow would make every value above 255 white."""
    mode = "I;16" if picture.mode.startswith("I;16") else picture.mode
    values = np.asarray(picture)
    strips = [slice(at, at + STRIP_LINES) for at in range(0, len(values), STRIP_LINES)]
    brightest = max(float(_numbers(values[strip]).max()) for strip in strips)
    white = _white(mode, brightest, declared)
    grey = np.empty(values.shape, np.uint8)
    for strip in strips:  # all lines as numbers of 4 bytes would take most of a decode's memory
        if white == SIXTEEN_BITS and mode == "I;16":
            grey[strip] = values[strip] >> 8
        else:
            grey[strip] = _numbers(values[strip]).clip(0, white) * np.float32(255 / white) + np.float32(0.5)
    if isinstance(picture, TiffImagePlugin.TiffImageFile) and _first(picture.tag_v2.get(PHOTOMETRIC, 1)) == 0:
        np.subtract(255, grey, out=grey)
    note = f"The picture is grey of {BITS[mode]} bits whose values go to {white:,}, which is shown as white."
    return PIL.Image.fromarray(grey), note if white in (declared, TWELVE_BITS) and brightest > 0 else None


def _numbers(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    numbers = values.astype(np.float32)
    np.nan_to_num(numbers, copy=False, posinf=0, neginf=0)
    return numbers


def _white(mode: str, brightest: float, declared: int | None) -> int:
    """Return the number that is shown as white."""
    scales = FULL_SCALE[mode]
    if declared is not None and brightest <= declared:
        return declared
    if mode == "I;16" and brightest <= DARKEST_SCALED:
        return SIXTEEN_BITS
    return next((scale for scale in scales if brightest <= scale), scales[-1])
