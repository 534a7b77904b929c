"""JPEG (ITU-T T.81, annex B): a chain of marked segments, of which those that show the picture stay."""

from __future__ import annotations

import re
import struct

from shared.stripping.orientation import UPRIGHT, exif_of

END, SCAN, COMMENT = 0xD9, 0xDA, 0xFE
APPLICATION = range(0xE0, 0xF0)
STANDALONE = (0x01, *range(0xD0, 0xD8))
"""Markers without a segment."""

JFIF, EXIF, ICC, ADOBE = b"JFIF\0", b"Exif\0\0", b"ICC_PROFILE\0", b"Adobe"
JFIF_BYTES = 14
"""Without the thumbnail, whose width and height are the last two bytes."""

NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""In coded pixels, 0xFF stands before zero (it is data) and before restarts (0xD0 to 0xD7)."""


def stripped_jpeg(content: bytes, orientation: int) -> bytes:
    """Return the first picture of a JPEG file, without its metadata.

    Raises:
        ValueError: it is no chain of segments.
    """
    kept = bytearray(b"\xff\xd8")
    at, had_jfif = 2, False
    exif = b"" if orientation == UPRIGHT else _segment(0xE1, EXIF + exif_of(orientation))
    while at < len(content):
        if content[at] != 0xFF:
            raise ValueError(f"there is no marker at byte {at}")
        marker = content[at + 1]
        if marker == 0xFF or marker in STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == END:
            kept += b"\xff\xd9"
            break
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4])
        body = content[at + 4 : end]
        if marker == 0xE0 and body.startswith(JFIF) and not had_jfif:
            kept += _segment(marker, body[: JFIF_BYTES - 2] + b"\0\0") + exif
            exif, had_jfif = b"", True
        elif marker == SCAN:
            found = NEXT_MARKER.search(content, end)
            end = found.start() if found else len(content)
            kept += exif + content[at:end]
            exif = b""
        elif _shows_the_picture(marker, body):
            kept += content[at:end]
        at = end
    return bytes(kept)


def _shows_the_picture(marker: int, body: bytes) -> bool:
    if marker in APPLICATION:
        return (marker == 0xE2 and body.startswith(ICC)) or (marker == 0xEE and body.startswith(ADOBE))
    return marker != COMMENT


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
