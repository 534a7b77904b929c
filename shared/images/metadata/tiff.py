"""TIFF 6.0 and BigTIFF: the file is built again from its strips or tiles and the tags that are needed to show them."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import cached_property

from shared.images.metadata.colour_profile import profile_of
from shared.images.metadata.jpeg import strip_embedded_jpeg, strip_jpeg_tables

OFFSETS = {273: 279, 324: 325}
"""Tags of the offsets of strips and tiles, with the tags of their lengths."""

OLD_JPEG = range(512, 522)
"""Tags with offsets into the file that cannot be moved without knowing all of them (TIFF Technical Note 2)."""

SCALARS = frozenset(
    (254, 256, 257, 259, *range(262, 267), 274, 277, 278, 284, 290, 292, 293, 296, 317, 322, 323, 332, 334)
)
SCALARS |= frozenset((531,))
PER_SAMPLE = frozenset((258, 280, 281, 338, 339, 340, 341))
MAX_VALUES = {
    282: 1,
    283: 1,
    291: 1 << 16,
    297: 2,
    301: 3 << 16,
    318: 2,
    319: 6,
    320: 3 << 16,
    321: 2,
    336: 16,
    529: 3,
}
MAX_VALUES |= {530: 2, 532: 6, 347: 1 << 16, 34675: 1 << 22}
MAX_VALUES |= dict.fromkeys(SCALARS, 1) | dict.fromkeys(PER_SAMPLE, 8)
"""The most values of each tag that shows the picture: size, coding, colours, resolution, orientation, page number,
YCbCr, and the ICC profile (34675). A text in one of these tags does not show the picture."""

JPEG_TABLES, ICC = 347, 34675
COLOUR_MAP, PALETTE = 320, 3
"""The tag, and the photometric interpretation that uses it."""

ANYTHING = (1, 2, 6, 7)
"""Types of text or bytes, which only ``JPEG_TABLES`` and ``ICC`` have."""

SUBFILE, WIDTH, LENGTH, BITS, COMPRESSION, SAMPLES, LINES, PLANES, PHOTOMETRIC, TILE_WIDTH, TILE_LENGTH = (
    254, 256, 257, 258, 259, 277, 278, 284, 262, 322, 323,
)  # fmt: skip
IS_REDUCED = 1
"""Bit of ``SUBFILE``: the page is a smaller version of another page."""

RAW, NEW_JPEG, DEFLATE = 1, 7, (8, 32946)

TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
LONG, UNDEFINED = 4, 7
MAX_PAGES, MAX_ENTRIES, MAX_PARTS = 1000, 200, 250_000
PIECE_BYTES = 1 << 16
ALLOWANCE_BYTES = 4096
"""Bytes by which the file may grow: directories of BigTIFF shrink, and only alignment grows."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A directory's entry: tag, type, number of values, and their bytes."""

    tag: int
    type: int
    count: int
    data: memoryview


@dataclass(frozen=True)
class Reader:
    """A reader of a TIFF's directories in either byte order; an offset beyond the file's end is a ``ValueError``."""

    content: memoryview

    @cached_property
    def order(self) -> str:
        """The byte order, as ``struct`` names it."""
        return "<" if bytes(self.content[:2]) == b"II" else ">"

    @cached_property
    def is_big(self) -> bool:
        """Whether the file is a BigTIFF."""
        return self.number(2, 2) == 43

    @property
    def first(self) -> int:
        """Offset of the first directory."""
        return self.number(8, 8) if self.is_big else self.number(4, 4)

    def number(self, at: int, length: int) -> int:
        """Return the number at an offset."""
        return int.from_bytes(self.bytes_at(at, length), "little" if self.order == "<" else "big")

    def bytes_at(self, at: int, length: int) -> memoryview:
        """Return the bytes at an offset."""
        data = self.content[at : at + length]
        if len(data) != length:
            raise ValueError(f"{length} bytes at {at} are beyond the end of the file")
        return data

    def directory(self, at: int) -> tuple[dict[int, Entry], int]:
        """Return the entries by tag, and the offset of the next directory."""
        head, width = (8, 20) if self.is_big else (2, 12)
        number = self.number(at, head)
        if number > MAX_ENTRIES:
            raise ValueError(f"a directory has {number} entries")
        entries = (self.entry(at + head + width * index) for index in range(number))
        return {entry.tag: entry for entry in entries}, self.number(at + head + width * number, 8 if self.is_big else 4)

    def entry(self, at: int) -> Entry:
        """Return the entry at an offset, with its values."""
        word = 8 if self.is_big else 4
        tag, kind, count = self.number(at, 2), self.number(at + 2, 2), self.number(at + 4, word)
        length = TYPE_BYTES.get(kind, 0) * count
        field_at = at + 4 + word
        return Entry(
            tag, kind, count, self.bytes_at(field_at if length <= word else self.number(field_at, word), length)
        )

    def numbers(self, entry: Entry) -> list[int]:
        """Return an entry's values as integers."""
        width = TYPE_BYTES[entry.type]
        if entry.count > MAX_PARTS:
            raise ValueError(f"the picture is in {entry.count} parts")
        order = "little" if self.order == "<" else "big"
        return [
            int.from_bytes(entry.data[at : at + width], order)  # type: ignore[arg-type]
            for at in range(0, width * entry.count, width)
        ]


def strip_tiff(content: bytes) -> bytes:
    """Return a classic TIFF of the same pages, bytes of pixels and byte order, without metadata.

    Raises:
        ValueError: it is not well-formed, or uses the old JPEG compression of TIFF 6.0.
    """
    reader = Reader(memoryview(content))
    out = bytearray(content[:2] + struct.pack(f"{reader.order}HI", 42, 0))
    link, at, seen = 4, reader.first, set[int]()
    while at and at not in seen:
        seen.add(at)
        if len(seen) > MAX_PAGES:
            raise ValueError("there are too many pages")
        entries, at = reader.directory(at)
        if len(seen) > 1 and SUBFILE in entries and reader.numbers(entries[SUBFILE])[0] & IS_REDUCED:
            continue
        struct.pack_into(f"{reader.order}I", out, link, len(out) + len(out) % 2)
        link = _append_page(reader, entries, out)
    return bytes(out)


def _append_page(reader: Reader, entries: dict[int, Entry], out: bytearray) -> int:
    """Write a directory, its values and its pixels, and return the position for the offset of the next directory."""
    if any(tag in entries for tag in OLD_JPEG):
        raise ValueError("it uses the old JPEG compression of TIFF 6.0")
    kept = {tag: entry for tag, entry in entries.items() if tag in MAX_VALUES}
    for tag, entry in kept.items():
        if entry.count > MAX_VALUES[tag] or (entry.type in ANYTHING) > (tag in (JPEG_TABLES, ICC)):
            raise ValueError(f"tag {tag} has {entry.count} values of type {entry.type}")
    _remove_unread(reader, kept)
    pixels: dict[int, list[memoryview]] = {}
    for tag, lengths in OFFSETS.items():
        if tag in entries:
            extents = zip(reader.numbers(entries[tag]), reader.numbers(entries[lengths]), strict=True)
            parts = [reader.content[at : at + length] for at, length in extents]
            pixels[tag] = _cut_to_pixels(reader, entries, kept, parts)
            kept[tag] = _longs(reader, tag, [0] * len(pixels[tag]))
            kept[lengths] = _longs(reader, lengths, [len(part) for part in pixels[tag]])
    out += bytes(len(out) % 2)
    directory = len(out)
    out += bytes(2 + 12 * len(kept) + 4)
    struct.pack_into(f"{reader.order}H", out, directory, len(kept))
    for index, tag in enumerate(sorted(kept)):
        entry, entry_at = kept[tag], directory + 2 + 12 * index
        data = entry.data
        if tag in pixels:
            data = _longs(reader, tag, [_append(part, out, reader) for part in pixels[tag]]).data
        struct.pack_into(f"{reader.order}HHI", out, entry_at, entry.tag, entry.type, entry.count)
        if len(data) > 4:
            struct.pack_into(f"{reader.order}I", out, entry_at + 8, _append(data, out, reader))
        else:
            out[entry_at + 8 : entry_at + 8 + len(data)] = data
    return directory + 2 + 12 * len(kept)


def _remove_unread(reader: Reader, kept: dict[int, Entry]) -> None:
    """Remove tables that only another kind of picture needs, and a malformed colour profile."""
    first = {tag: reader.numbers(kept[tag])[0] for tag in (COMPRESSION, PHOTOMETRIC) if tag in kept}
    if first.get(COMPRESSION) != NEW_JPEG:
        kept.pop(JPEG_TABLES, None)
    if first.get(PHOTOMETRIC) != PALETTE:
        kept.pop(COLOUR_MAP, None)
    if ICC in kept:
        profile = profile_of(bytes(kept.pop(ICC).data))
        if profile is not None:
            kept[ICC] = Entry(ICC, UNDEFINED, len(profile), memoryview(profile))


def _cut_to_pixels(
    reader: Reader, entries: dict[int, Entry], kept: dict[int, Entry], parts: list[memoryview]
) -> list[memoryview]:
    """Return strips or tiles without bytes after their pixels, and JPEGs among them without their metadata."""

    def number(tag: int, default: int) -> int:
        return reader.numbers(entries[tag])[0] if tag in entries else default

    compression = number(COMPRESSION, RAW)
    if compression == NEW_JPEG:
        stripped = [strip_embedded_jpeg(bytes(part)) for part in parts]
        if JPEG_TABLES in kept:
            needed = set().union(*(tables for _, tables in stripped))
            data = strip_jpeg_tables(bytes(kept[JPEG_TABLES].data), needed)
            kept[JPEG_TABLES] = Entry(JPEG_TABLES, UNDEFINED, len(data), memoryview(data))
        return [memoryview(part) for part, _ in stripped]
    if compression in DEFLATE:
        return [part[: len(part) - _unused_bytes(part)] for part in parts]
    if compression != RAW:
        return parts
    width = number(TILE_WIDTH, number(WIDTH, 0))
    lines = number(TILE_LENGTH, number(LINES, number(LENGTH, 0)))
    samples = 1 if number(PLANES, 1) == 2 else number(SAMPLES, 1)
    most = -(-width * samples * number(BITS, 1) // 8) * min(lines, max(number(LENGTH, 0), number(TILE_LENGTH, 0)))
    return [part[:most] for part in parts]


def _unused_bytes(part: memoryview) -> int:
    stream = zlib.decompressobj()
    rest: bytes | memoryview = part
    while rest and not stream.eof:
        stream.decompress(rest, PIECE_BYTES)
        rest = stream.unconsumed_tail
    return len(stream.unused_data)


def _append(data: memoryview, out: bytearray, reader: Reader) -> int:
    """Append bytes and return their offset; overlapping parts, with which a small file could grow, are refused."""
    if len(out) + len(data) > len(reader.content) + ALLOWANCE_BYTES:
        raise ValueError("its parts overlap")
    out += bytes(len(out) % 2)
    at = len(out)
    out += data
    return at


def _longs(reader: Reader, tag: int, numbers: list[int]) -> Entry:
    return Entry(tag, LONG, len(numbers), memoryview(struct.pack(f"{reader.order}{len(numbers)}I", *numbers)))
