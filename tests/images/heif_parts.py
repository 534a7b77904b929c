"""Make the boxes of HEIC and AVIF files one by one, for tests of what reads them (ISO/IEC 14496-12 and 23008-12)."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from shared.images.headers.boxes import Box, Items, boxes, items_of
from tests.pictures import box


def number(value: int, width: int) -> bytes:
    """Return a number in as many bytes."""
    return value.to_bytes(width)


def full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    """Return a box with a version and flags."""
    return box(kind, number(version, 1), number(flags, 3), *parts)


def infe(item: int, kind: bytes, version: int = 2, name: bytes = b"\0") -> bytes:
    """Return an item's entry in ``iinf``."""
    return full(b"infe", number(item, 2 if version < 3 else 4), bytes(2), kind, name, version=version)


def iinf(kinds: Mapping[int, bytes], version: int = 0) -> bytes:
    """Return the list of items, by id."""
    count = number(len(kinds), 2 if version == 0 else 4)
    return full(b"iinf", count, *(infe(item, kind) for item, kind in kinds.items()), version=version)


def iloc(extents: Mapping[int, Sequence[tuple[int, int]]]) -> bytes:
    """Return the extents (offset and length) of items, by id."""
    items = b"".join(
        struct.pack(">HHH", item, 0, len(of_item)) + b"".join(struct.pack(">II", *extent) for extent in of_item)
        for item, of_item in extents.items()
    )
    return full(b"iloc", b"\x44\0", number(len(extents), 2), items)


def pitm(item: int, version: int = 0) -> bytes:
    """Return the id of the primary item."""
    return full(b"pitm", number(item, 2 if version == 0 else 4), version=version)


def ispe(width: int, height: int) -> bytes:
    """Return the property of an item's size."""
    return full(b"ispe", struct.pack(">II", width, height))


def iprp(properties: Sequence[bytes], of_items: Mapping[int, Sequence[int]]) -> bytes:
    """Return properties, and the indexes (from 1) of each item's."""
    uses = b"".join(struct.pack(">HB", item, len(indexes)) + bytes(indexes) for item, indexes in of_items.items())
    return box(b"iprp", box(b"ipco", *properties), full(b"ipma", number(len(of_items), 4), uses))


def iref(kind: bytes, origin: int, to: Sequence[int]) -> bytes:
    """Return references from one item to others."""
    return full(b"iref", box(kind, struct.pack(f">HH{len(to)}H", origin, len(to), *to)))


def meta(*parts: bytes) -> bytes:
    """Return a ``meta`` box."""
    return full(b"meta", *parts)


def only_box(content: bytes) -> Box:
    """Return the only box of a content."""
    [found] = boxes(content, 0, len(content))
    return found


def read_items(*parts: bytes) -> Items | None:
    """Return what is read from a ``meta`` box of these parts."""
    content = meta(*parts)
    return items_of(content, only_box(content))
