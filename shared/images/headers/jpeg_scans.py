"""How often a JPEG's decoder goes over the picture, and whether it holds all coefficients to do so (ITU-T T.81, B)."""

from __future__ import annotations

import re
from dataclasses import dataclass

NEXT_MARKER = re.compile(rb"\xff[^\x00\xff]")
"""Of what lies between, libjpeg skips everything, whole pictures too."""

END, SCAN = 0xD9, 0xDA
STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
"""Markers without a segment."""

FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15, less DHT, JPG and DAC."""

PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))

MAX_SCANS = 100
"""Of a progressive JPEG, which has about ten. Each is a pass over all pixels, and can be written in a few bytes."""

MAX_SEQUENTIAL_SCANS = 4
"""Of any other: each component is in one scan, and there are at most four (T.81, B.2.3)."""


@dataclass(frozen=True, slots=True)
class Scans:
    """What a JPEG's markers say."""

    components: int
    is_progressive: bool
    number: int
    """Counted to one more than is allowed."""
    is_held_whole: bool
    """Whether libjpeg holds the coefficients of the whole picture: it is progressive, or its first scan lacks some
    components."""

    @property
    def most(self) -> int:
        """How many are allowed."""
        return MAX_SCANS if self.is_progressive else MAX_SEQUENTIAL_SCANS


def scans_of(content: bytes) -> Scans:
    """Walk a JPEG's segments as libjpeg does, to the end of its first picture.

    Where one scan holds everything, libjpeg stops after it, and so does this: the coded pixels are not searched.
    """
    at, components, is_progressive, number, is_held_whole = 2, 0, False, 0, False
    while found := NEXT_MARKER.search(content, at):
        marker, at = content[found.start() + 1], found.end()
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
