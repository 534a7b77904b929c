"""Scans of a JPEG (ITU-T T.81, B): the number of passes over the picture, and whether all coefficients are held."""

from __future__ import annotations

import re
from dataclasses import dataclass

NEXT_MARKER = re.compile(rb"\xff[^\x00\xff]")
"""libjpeg skips everything between markers, whole pictures too."""

END, SCAN = 0xD9, 0xDA
STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
"""Markers without a segment."""

FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15, less DHT, JPG and DAC."""

PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))

MAX_SCANS = 100
"""The most scans of a progressive JPEG, which has about ten. A few bytes make a scan, a pass over all pixels."""

MAX_SEQUENTIAL_SCANS = 4
"""The most scans of any other JPEG: each component is in one scan, and there are at most four (T.81, B.2.3)."""


@dataclass(frozen=True, slots=True)
class Scans:
    """The scans of a JPEG, by its markers."""

    components: int
    is_progressive: bool
    number: int
    """Number of scans, counted to one more than ``max_scans``."""
    is_held_whole: bool
    """Whether libjpeg holds the coefficients of the whole picture: it is progressive, or its first scan lacks some
    components."""

    @property
    def max_scans(self) -> int:
        """Number of scans that are allowed."""
        return MAX_SCANS if self.is_progressive else MAX_SEQUENTIAL_SCANS


def scans_of(content: bytes) -> Scans:
    """Walk a JPEG's segments as libjpeg does, to the end of its first picture.

    If the first scan has all components, libjpeg stops after it, and so does this: the coded pixels are not searched.
    """
    at, components, is_progressive, number, is_held_whole = 2, 0, False, 0, False
    while match := NEXT_MARKER.search(content, at):
        marker, at = content[match.start() + 1], match.end()
        if marker == END:
            break
        if marker in STANDALONE:
            continue
        if marker in FRAMES:
            components, is_progressive = _byte(content, at + 7), marker in PROGRESSIVE
        if marker == SCAN:
            number += 1
            is_held_whole = is_held_whole or is_progressive or _byte(content, at + 2) < components
            if not is_held_whole or number > (MAX_SCANS if is_progressive else MAX_SEQUENTIAL_SCANS):
                break
        at += max(2, int.from_bytes(content[at : at + 2]))
    return Scans(components, is_progressive, number, is_held_whole)


def _byte(content: bytes, at: int) -> int:
    return content[at] if at < len(content) else 0
