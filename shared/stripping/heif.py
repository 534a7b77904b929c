"""HEIC and AVIF (ISO/IEC 14496-12 and 23008-12): items of metadata are overwritten where they lie.

The orientation needs no care: it is a property of the picture (``irot``, ``imir``), and EXIF's is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from shared.stripping.orientation import UPRIGHT, exif_of

OF_THE_PICTURE = frozenset((b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip"))
"""Boxes of the file that stay as they are; others become free space."""

CONTAINERS = frozenset((b"moov", b"trak"))
ABOUT_A_FILM = frozenset((b"udta", b"meta", b"uuid"))
"""In a film's boxes: what people and cameras say of it."""

METADATA_ITEMS = (b"Exif", b"mime", b"uri ")
MOST_PLACES = 10_000


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    body: int
    end: int


def stripped_heif(content: bytes) -> bytes:
    """Return the file, as long as it was, with its metadata overwritten.

    Raises:
        ValueError: it is no list of boxes, or metadata lies where it cannot be found.
    """
    out = bytearray(content)
    for box in _boxes(out, 0, len(out)):
        if box.kind not in OF_THE_PICTURE:
            _free(out, box)
        elif box.kind == b"moov":
            _strip_film(out, box)
        elif box.kind == b"meta":
            _strip_items(out, box)
    return bytes(out)


def _strip_film(out: bytearray, film: _Box) -> None:
    for box in _boxes(out, film.body, film.end):
        if box.kind in ABOUT_A_FILM:
            _free(out, box)
        elif box.kind in CONTAINERS:
            _strip_film(out, box)


def _strip_items(out: bytearray, meta: _Box) -> None:
    inside = {box.kind: box for box in _boxes(out, meta.body + 4, meta.end)}
    if b"uuid" in inside:
        _free(out, inside[b"uuid"])
    if b"iinf" not in inside or b"iloc" not in inside:
        return
    kinds = dict(_item_kinds(out, inside[b"iinf"]))
    data = inside[b"idat"].body if b"idat" in inside else 0
    places = list(islice(_places(out, inside[b"iloc"], data), MOST_PLACES))
    found = [(kinds[item], start, length) for item, start, length in places if kinds.get(item) in METADATA_ITEMS]
    if len(places) == MOST_PLACES or sum(length for _, _, length in found) > len(out):
        raise ValueError("its items lie in too many places, or over each other")
    for kind, start, length in found:
        empty = bytes(4) + exif_of(UPRIGHT) if kind == b"Exif" else b""
        filling = (empty if len(empty) <= length else b"").ljust(length, b"\0" if kind == b"Exif" else b" ")
        if start + length > len(out):
            raise ValueError("an item ends after the file")
        out[start : start + length] = filling


def _item_kinds(out: bytearray, iinf: _Box) -> Iterator[tuple[int, bytes]]:
    """Yield id and type of every item (ISO/IEC 14496-12, 8.11.6)."""
    first = iinf.body + 4 + (2 if out[iinf.body] == 0 else 4)
    for box in _boxes(out, first, iinf.end):
        width = 2 if out[box.body] < 3 else 4
        at = box.body + 4
        yield int.from_bytes(out[at : at + width]), bytes(out[at + width + 2 : at + width + 6])


def _places(out: bytearray, iloc: _Box, data: int) -> Iterator[tuple[int, int, int]]:
    """Yield item, start and length of each piece of each item (ISO/IEC 14496-12, 8.11.3)."""
    numbers = _Numbers(out, iloc.body, iloc.end)
    version, _ = numbers.take(1), numbers.take(3)
    sizes = numbers.take(2)
    offset_bytes, length_bytes, base_bytes, index_bytes = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(numbers.take(2 if version < 2 else 4)):
        item = numbers.take(2 if version < 2 else 4)
        method = numbers.take(2) & 15 if version else 0
        if method > 1:
            raise ValueError(f"item {item} lies in another item")
        numbers.take(2)
        base = numbers.take(base_bytes) + (data if method else 0)
        for _ in range(numbers.take(2)):
            numbers.take(index_bytes if version else 0)
            start = base + numbers.take(offset_bytes)
            yield item, start, numbers.take(length_bytes) or len(out) - start


@dataclass(slots=True)
class _Numbers:
    out: bytearray
    at: int
    end: int

    def take(self, width: int) -> int:
        self.at += width
        if self.at > self.end:
            raise ValueError("the places of the items end after their box")
        return int.from_bytes(self.out[self.at - width : self.at])


def _boxes(out: bytearray, at: int, end: int) -> Iterator[_Box]:
    while at + 8 <= end:
        size, body = int.from_bytes(out[at : at + 4]), at + 8
        if size == 1:
            size, body = int.from_bytes(out[at + 8 : at + 16]), at + 16
        size = size or end - at
        if at + size > end or size < body - at:
            raise ValueError(f"the box at byte {at} ends after what it is in")
        yield _Box(bytes(out[at + 4 : at + 8]), at, body, at + size)
        at += size


def _free(out: bytearray, box: _Box) -> None:
    out[box.start + 4 : box.start + 8] = b"free"
    out[box.body : box.end] = bytes(box.end - box.body)
