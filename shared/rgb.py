"""The second half of decoding: a loaded picture of any of Pillow's modes becomes upright RGB."""

from __future__ import annotations

import numpy as np
import PIL.Image
from PIL import ExifTags

from shared.types import Pixels

WHITE = (255, 255, 255, 255)

AVERAGED_MODES = ("RGB", "L", "RGBA", "LA", "CMYK", "YCbCr")
"""Pillow's modes whose numbers can be averaged before they are converted."""

FULL_SCALE = {"I": (255, 65535, 2**31 - 1), "F": (1, 255, 65535)}
"""What white may be, by mode. Files do not say, so it is the first that no pixel is above."""

TURNS = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by EXIF orientation (Exif 2.32, tag 0x0112)."""

SIDEWAYS = (
    PIL.Image.Transpose.TRANSPOSE,
    PIL.Image.Transpose.ROTATE_270,
    PIL.Image.Transpose.TRANSVERSE,
    PIL.Image.Transpose.ROTATE_90,
)


def orientation_of(picture: PIL.Image.Image) -> int:
    """Return a loaded picture's orientation as EXIF counts it: 1 is upright, 2 to 8 need one of ``TURNS``.

    Not to be asked before it is loaded: that decodes a PNG, and TIFF and HEIC are turned while they are loaded.
    """
    try:
        found: int = picture.getexif().get(ExifTags.Base.Orientation, 1)
        is_known = found in TURNS
    except Exception:  # metadata that cannot be read turns nothing, and the pixels are fine
        return 1
    return found if is_known else 1


def upright_rgb(picture: PIL.Image.Image, turn: PIL.Image.Transpose | None, shrink_to_px: int | None) -> Pixels:
    """Return a loaded picture's pixels, reduced by the largest whole factor that leaves ``shrink_to_px``.

    Args:
        picture: of any mode; transparency is laid on white.
        turn: of ``TURNS``; None where it is upright.
        shrink_to_px: the shorter edge stays at least this long; None keeps every pixel.
    """
    if picture.mode not in AVERAGED_MODES or "transparency" in picture.info:
        picture = _as_rgb(picture)
    if shrink_to_px is not None and (factor := min(picture.size) // shrink_to_px) > 1:
        picture = picture.reduce(factor)
    picture = _as_rgb(picture)
    return np.asarray(picture if turn is None else picture.transpose(turn), dtype=np.uint8)


def _as_rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    if picture.mode in FULL_SCALE or picture.mode.startswith("I;16"):
        return _eight_bits(picture).convert("RGB")
    if picture.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in picture.info:
        above = picture.convert("RGBA")
        return PIL.Image.alpha_composite(PIL.Image.new("RGBA", above.size, WHITE), above).convert("RGB")
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _eight_bits(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Grey of more than 8 bits to 8, with its tones: Pillow's own conversion makes everything above 255 white."""
    values = np.asarray(picture)
    if picture.mode.startswith("I;16"):
        return PIL.Image.fromarray((values >> 8).astype(np.uint8))
    values = np.nan_to_num(values.astype(np.float32), copy=False, posinf=0, neginf=0)
    scales = FULL_SCALE[picture.mode]
    white = next((scale for scale in scales if values.max() <= scale), scales[-1])
    return PIL.Image.fromarray((values.clip(0, white) * (255 / white) + 0.5).astype(np.uint8))
