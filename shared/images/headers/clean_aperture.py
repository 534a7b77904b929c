"""AVIF's ``clap``: the part of a coded picture that is shown (ISO/IEC 14496-12, 12.1.4); Pillow ignores it."""

from __future__ import annotations

from fractions import Fraction

from shared.images.headers.boxes import boxes, items_of


def clean_aperture(content: bytes, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Return the box to crop the primary picture to, before it is turned.

    Args:
        content: an AVIF file.
        size: width and height of its coded picture.

    Returns:
        Left, upper, right, lower, in pixels; None if the file declares no box, or one that is not inside the picture,
        which is then shown whole, as by libavif.
    """
    if b"clap" not in content:
        return None
    try:
        for meta in boxes(content, 0, len(content), may_be_cut=True):
            items = items_of(content, meta) if meta.kind == b"meta" else None
            if items is None or items.primary is None:
                continue
            for clap in items.properties_of(items.primary, b"clap"):
                return _box(content[clap.body : clap.end], size)
    except (ValueError, LookupError, ZeroDivisionError):
        return None
    return None


def _box(clap: bytes, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    numbers = [int.from_bytes(clap[at : at + 4], signed=at in (16, 24)) for at in range(0, 32, 4)]
    width, height, across, down = (Fraction(numbers[at], numbers[at + 1]) for at in range(0, 8, 2))
    left = across + Fraction(size[0] - 1, 2) - (width - 1) / 2
    upper = down + Fraction(size[1] - 1, 2) - (height - 1) / 2
    if any(number.denominator != 1 for number in (width, height, left, upper)) or width < 1 or height < 1:
        return None
    if left < 0 or upper < 0 or left + width > size[0] or upper + height > size[1]:
        return None
    return int(left), int(upper), int(left + width), int(upper + height)
