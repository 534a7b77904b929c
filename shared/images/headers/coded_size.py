"""Number of pixels that a HEIC's or AVIF's decoder will hold, by what the decoder reads, not by the declared size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from shared.images.headers.boxes import Box, Bytes, Extent, Items, boxes, children, items_of

Size = tuple[int, int]

ANY_SIZE = re.compile(rb"\0\0\0\x14ispe\0{4}(.{4})(.{4})", re.DOTALL)
"""Width and height in ``ispe`` boxes, before any crop (ISO/IEC 23008-12, 6.5.3)."""

SEQUENCE_HEADER = 1
MAX_UNITS = 1000
FILM_BOXES = (b"trak", b"mdia", b"minf", b"stbl")


@dataclass(slots=True)
class _Bits:
    """A reader of the bits of a string, the most significant first."""

    content: bytes
    at: int = 0

    def take(self, number: int) -> int:
        value = 0
        for _ in range(number):
            byte = self.at >> 3
            if byte >= len(self.content):
                raise ValueError("a sequence header is cut short")
            value = value << 1 | (self.content[byte] >> (7 - (self.at & 7)) & 1)
            self.at += 1
        return value

    def take_uvlc(self) -> int:
        """Read a number of variable length (AV1, 4.10.3)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros >= 32:
                return 2**32 - 1
        return self.take(zeros) + (1 << zeros) - 1


def coded_pixels(content: bytes, name: str) -> int:
    """Return the most pixels that are held at the same time: of the largest coded picture, or of a grid's tiles.

    Args:
        content: the whole file.
        name: ``heif`` or ``avif``.

    Raises:
        ValueError: the file is not well-formed, or an AVIF's coded pictures are larger than declared.
    """
    held = declared_pixels(content)
    for box in boxes(content, 0, len(content), may_be_cut=True):
        if box.kind == b"meta" and (items := items_of(content, box)) is not None:
            held = max(held, *_tiles(content, items), 0)
            if name == "avif":
                held = max(held, _coded_items(content, items))
        elif box.kind == b"moov" and name == "avif":
            held = max(held, *(width * height for width, height in _coded_tracks(content, box)), 0)
    return held


def declared_pixels(content: bytes) -> int:
    """Return the pixels of the largest size that a file declares anywhere."""
    return max(
        (int.from_bytes(width) * int.from_bytes(height) for width, height in ANY_SIZE.findall(content)), default=0
    )


def declared_size(content: Bytes, items: Items, item: int) -> Size | None:
    """Return the size that an item's ``ispe`` declares."""
    for box in items.properties_of(item, b"ispe"):
        return int.from_bytes(content[box.body + 4 : box.body + 8]), int.from_bytes(
            content[box.body + 8 : box.body + 12]
        )
    return None


def _tiles(content: bytes, items: Items) -> Iterator[int]:
    """Yield the pixels of all tiles of each grid, which may be more than those of the picture."""
    for kind, item, parts in items.references:
        if kind == b"dimg" and items.kinds.get(item) == b"grid":
            sizes = [declared_size(content, items, part) or (0, 0) for part in parts]
            yield sum(width * height for width, height in sizes)


def _coded_items(content: bytes, items: Items) -> int:
    largest = 0
    for item, kind in items.kinds.items():
        if kind != b"av01":
            continue
        data = b"".join(content[extent.start : extent.end] for extent in items.extents.get(item, []))
        if not data:
            continue
        coded = av1_size(data)
        declared = declared_size(content, items, item)
        if coded is None or declared is None:
            raise ValueError(f"item {item} declares no size")
        if coded[0] > declared[0] or coded[1] > declared[1]:
            raise ValueError(
                f"item {item} is {coded[0]} x {coded[1]} pixels, but declares {declared[0]} x {declared[1]}"
            )
        largest = max(largest, coded[0] * coded[1])
    return largest


def _coded_tracks(content: bytes, moov: Box) -> Iterator[Size]:
    """Yield the coded size of each track of AV1, which must not be larger than the declared one."""
    for track in boxes(content, moov.body, moov.end):
        if track.kind != b"trak":
            continue
        table = track
        for kind in FILM_BOXES[1:]:
            table = children(content, table)[kind]
        inside = children(content, table)
        for entry in boxes(content, inside[b"stsd"].body + 8, inside[b"stsd"].end):
            if entry.kind != b"av01":
                continue
            declared = _number(content, entry.body + 24, 2), _number(content, entry.body + 26, 2)
            coded = av1_size(_first_chunk(content, inside))
            if coded is None:
                raise ValueError("a film's first frame declares no size")
            if coded[0] > declared[0] or coded[1] > declared[1]:
                raise ValueError(
                    f"a film is {coded[0]} x {coded[1]} pixels, but declares {declared[0]} x {declared[1]}"
                )
            yield coded


def _first_chunk(content: bytes, table: dict[bytes, Box]) -> bytes:
    """Return a track's first sample (ISO/IEC 14496-12, 8.7.5 and 8.7.3)."""
    box, width = (table[b"stco"], 4) if b"stco" in table else (table[b"co64"], 8)
    start = _number(content, box.body + 8, width)
    sizes = table[b"stsz"].body
    length = _number(content, sizes + 4, 4) or _number(content, sizes + 12, 4)
    extent = Extent(start, start + length)
    return content[extent.start : extent.end]


def _number(content: bytes, at: int, width: int) -> int:
    return int.from_bytes(content[at : at + width])


def av1_size(data: bytes) -> Size | None:
    """Return the largest width and height of the sequence headers in AV1 data (AV1, 5.3 and 5.5); None without one.

    Raises:
        ValueError: a header is cut short.
    """
    at, largest = 0, None
    for _ in range(MAX_UNITS):
        if at >= len(data):
            break
        header = data[at]
        at += 2 if header & 4 else 1
        length = len(data) - at
        if header & 2:
            length, at = _leb128(data, at)
        if header >> 3 & 15 == SEQUENCE_HEADER:
            width, height = _sequence_size(data[at : at + min(length, 64)])
            largest = (width, height) if largest is None else (max(largest[0], width), max(largest[1], height))
        at += length
    return largest


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        if at + index >= len(data):
            raise ValueError("a length is cut short")
        value |= (data[at + index] & 0x7F) << 7 * index
        if not data[at + index] & 0x80:
            return value, at + index + 1
    raise ValueError("a length has no end")


def _sequence_size(header: bytes) -> Size:
    """Return the size by ``max_frame_width_minus_1`` and the height in a sequence header (AV1, 5.5.1)."""
    bits = _Bits(header)
    bits.take(3)  # seq_profile
    bits.take(1)  # still_picture
    if bits.take(1):  # reduced_still_picture_header
        bits.take(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(width_bits) + 1, bits.take(height_bits) + 1


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits = 0
    has_model = False
    if bits.take(1):  # timing_info_present_flag
        bits.take(64)
        if bits.take(1):  # equal_picture_interval
            bits.take_uvlc()
        has_model = bool(bits.take(1))
        if has_model:
            delay_bits = bits.take(5) + 1
            bits.take(32 + 5 + 5)
    has_delay = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if has_model and bits.take(1):
            bits.take(2 * delay_bits + 1)
        if has_delay and bits.take(1):
            bits.take(4)
