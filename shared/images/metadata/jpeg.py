"""JPEG (ITU-T T.81, annex B): a chain of segments, of which those that show the picture are kept.

Of these, only the used parts are kept. Tables that no scan refers to are dropped. Of Adobe's segment, the part that
decoders read is kept; of a colour profile, pieces that make a whole profile.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.images.metadata.colour_profile import profile_of
from shared.images.metadata.orientation import UPRIGHT, exif_of

START, END, SCAN = 0xD8, 0xD9, 0xDA
QUANTISATION, HUFFMAN, RESTARTS, ARITHMETIC = 0xDB, 0xC4, 0xDD, 0xCC
FRAMES = frozenset(range(0xC0, 0xD0)) - {HUFFMAN, 0xC8, ARITHMETIC}
APP0, APP1, APP2, APP14 = 0xE0, 0xE1, 0xE2, 0xEE
STANDALONE = (0x01, *range(0xD0, 0xD8))
"""Markers without a segment."""

JFIF, EXIF, ICC, ADOBE = b"JFIF\0", b"Exif\0\0", b"ICC_PROFILE\0", b"Adobe"
JFIF_BYTES, ADOBE_BYTES = 14, 12
"""Bytes of JFIF without its thumbnail, whose width and height are the last two; and of Adobe's whole segment."""

ADOBE_HEAD = ADOBE + struct.pack(">HHH", 100, 0, 0)
"""Version and flags, as every program writes them; decoders read only the transform after them."""

NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""In coded pixels, 0xFF comes before zero (it is data) and in restarts (0xD0 to 0xD7)."""

PIECE_BYTES = 65519
"""Bytes of a colour profile that fit into one segment."""

TableId = tuple[int, int]
"""Marker, and the byte with the class and the number of a table."""


@dataclass(slots=True)
class _Tables:
    """Tables that were defined and not yet written; each is written before the scan that needs it."""

    waiting: dict[TableId, bytes] = field(default_factory=dict)
    of_frame: set[TableId] = field(default_factory=set)

    def define(self, marker: int, body: bytes) -> None:
        for table_id, table in _tables_in(marker, body):
            self.waiting[table_id] = table

    def begin_frame(self, body: bytes) -> None:
        self.of_frame = {(QUANTISATION, number) for number in body[8::3]}

    def for_scan(self, body: bytes) -> bytes:
        """Remove the tables that a scan needs, and return them as segments."""
        choices = body[2 : 1 + 2 * body[0] : 2]
        needed = {(HUFFMAN, choice >> 4) for choice in choices} | {(HUFFMAN, 0x10 | choice & 15) for choice in choices}
        return self.take(needed | self.of_frame)

    def take(self, needed: set[TableId]) -> bytes:
        table_ids = sorted(
            table_id
            for table_id in self.waiting
            if table_id in needed or (table_id[0] == QUANTISATION and _is_needed(table_id, needed))
        )
        return b"".join(_segment(table_id[0], self.waiting.pop(table_id)) for table_id in table_ids)


def _is_needed(table_id: TableId, needed: set[TableId]) -> bool:
    """Return whether a scan needs a quantisation table; the upper half of its number, its precision, is ignored."""
    return (QUANTISATION, table_id[1] & 15) in needed


def strip_jpeg(content: bytes, orientation: int) -> bytes:
    """Return the first picture of a JPEG file, without its metadata.

    Raises:
        ValueError: it is not a chain of segments.
        LookupError: it ends within a segment.
    """
    return _stripped(content, orientation, _Tables(), keeps_colours=True)


def strip_embedded_jpeg(content: bytes) -> tuple[bytes, set[TableId]]:
    """Return a JPEG that is part of a TIFF, which defines its colours, and the tables that it needs from there.

    Raises:
        ValueError: it is not a chain of segments.
        LookupError: it ends within a segment.
    """
    tables = _Tables()
    stripped = _stripped(content, UPRIGHT, tables, keeps_colours=False)
    needed = set(tables.of_frame)
    for marker, body, _, _ in _segments(stripped):
        if marker == SCAN:
            choices = body[2 : 1 + 2 * body[0] : 2]
            needed |= {(HUFFMAN, choice >> 4) for choice in choices} | {
                (HUFFMAN, 0x10 | choice & 15) for choice in choices
            }
    return stripped, needed


def strip_jpeg_tables(content: bytes, needed: set[TableId]) -> bytes:
    """Return, of the tables that several JPEGs share, those that are needed (TIFF Technical Note 2).

    Raises:
        ValueError: it is not a chain of segments.
    """
    tables = _Tables()
    for marker, body, _, _ in _segments(content):
        if marker in (QUANTISATION, HUFFMAN):
            tables.define(marker, body)
    return b"\xff\xd8" + tables.take(needed) + b"\xff\xd9"


def _stripped(content: bytes, orientation: int, tables: _Tables, *, keeps_colours: bool) -> bytes:
    kept = bytearray(b"\xff\xd8")
    exif = b"" if orientation == UPRIGHT else _segment(APP1, EXIF + exif_of(orientation))
    profile, had_jfif = _profile(content) if keeps_colours else [], False
    for marker, body, start, end in _segments(content):
        if marker == SCAN:
            match = NEXT_MARKER.search(content, end)
            kept += exif + tables.for_scan(body) + content[start : match.start() if match else len(content)]
            exif = b""
        elif marker in (QUANTISATION, HUFFMAN):
            tables.define(marker, body)
        elif marker in FRAMES:
            tables.begin_frame(body)
            kept += exif + b"".join(profile) + content[start:end]
            exif, profile = b"", []
        elif marker in (RESTARTS, ARITHMETIC):
            kept += content[start:end]
        elif marker == APP0 and keeps_colours and body.startswith(JFIF) and not had_jfif:
            kept += _segment(marker, body[: JFIF_BYTES - 2] + b"\0\0")
            had_jfif = True
        elif marker == APP14 and keeps_colours and body.startswith(ADOBE) and len(body) >= ADOBE_BYTES:
            kept += _segment(marker, ADOBE_HEAD + body[ADOBE_BYTES - 1 : ADOBE_BYTES])
    return bytes(kept + b"\xff\xd9")


def _segments(content: bytes) -> Iterator[tuple[int, bytes, int, int]]:
    """Yield marker, body, start and end of each segment, to the end of the first picture."""
    at = 2
    while at < len(content):
        if content[at] != 0xFF:
            raise ValueError(f"there is no marker at byte {at}")
        marker = content[at + 1]
        if marker == 0xFF or marker in STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == END:
            return
        start, end = at, at + 2 + int.from_bytes(content[at + 2 : at + 4])
        yield marker, content[start + 4 : end], start, end
        at = end
        if marker == SCAN:
            match = NEXT_MARKER.search(content, end)
            at = match.start() if match else len(content)


def _tables_in(marker: int, body: bytes) -> Iterator[tuple[TableId, bytes]]:
    """Yield the tables of a segment (T.81, B.2.4.1 and B.2.4.2)."""
    at = 0
    while at < len(body):
        number = body[at]
        length = (129 if number >> 4 else 65) if marker == QUANTISATION else 17 + sum(body[at + 1 : at + 17])
        table = body[at : at + length]
        if len(table) != length:
            raise ValueError("a table ends after its segment")
        yield (marker, number), table
        at += length


def _profile(content: bytes) -> list[bytes]:
    """Return segments of the colour profile; none unless each of its pieces exists once (ICC.1, B.4)."""
    pieces: dict[int, bytes] = {}
    for marker, body, _, _ in _segments(content):
        if marker == APP2 and body.startswith(ICC) and len(body) > len(ICC) + 2:
            if body[len(ICC)] in pieces:
                return []
            pieces[body[len(ICC)]] = body[len(ICC) + 2 :]
    profile = profile_of(b"".join(piece for _, piece in sorted(pieces.items())))
    if profile is None or sorted(pieces) != list(range(1, len(pieces) + 1)):
        return []
    parts = [profile[at : at + PIECE_BYTES] for at in range(0, len(profile), PIECE_BYTES)]
    return [_segment(APP2, ICC + bytes([index, len(parts)]) + part) for index, part in enumerate(parts, 1)]


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
