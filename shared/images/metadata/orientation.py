"""The one fact of EXIF that must survive: which way up a picture is."""

from __future__ import annotations

import struct

UPRIGHT = 1
"""Exif 2.32, tag 0x0112: 1 is as it lies, 2 to 8 are the other turns and mirrors."""


def exif_of(orientation: int) -> bytes:
    """Return EXIF that says the orientation and nothing else: a little-endian TIFF of one entry."""
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
