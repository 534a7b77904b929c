"""Orientation: the only part of EXIF that is kept."""

from __future__ import annotations

import struct

UPRIGHT = 1
"""Exif 2.32, tag 0x0112: 1 is upright, 2 to 8 are the other turns and mirrors."""


def exif_of(orientation: int) -> bytes:
    """Return EXIF with only the orientation: a little-endian TIFF of one entry."""
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
