"""ISO's box format (ISO/IEC 14496-12) as HEIC and AVIF use it (ISO/IEC 23008-12): boxes, items and their extents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_EXTENTS = 10_000
MAX_ITEMS = 10_000

Bytes = bytes | bytearray


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its kind, and the offsets of its start, its body and its end."""

    kind: bytes
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class Extent:
    """A range of an item's data; it may end after the file."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a ``meta`` box, by their ids."""

    kinds: dict[int, bytes]
    extents: dict[int, list[Extent]]
    primary: int | None
    properties: list[Box]
    """In the order of ``ipco``; items refer to them with indexes from 1."""
    associations: dict[int, list[int]]
    """Indexes, from 0, of the properties of each item."""
    references: list[tuple[bytes, int, tuple[int, ...]]] = field(default_factory=list)
    """The kind of each reference, the item that it is from, and the items that it is to."""

    def properties_of(self, item: int, kind: bytes) -> list[Box]:
        """Return an item's properties of one kind."""
        return [
            self.properties[index] for index in self.associations.get(item, []) if self.properties[index].kind == kind
        ]


def boxes(content: Bytes, at: int, end: int, *, may_be_cut: bool = False) -> Iterator[Box]:
    """Yield the boxes between two offsets; where the file may be cut off, the last box ends with it.

    Raises:
        ValueError: a box ends after the box that it is in.
    """
    while at + 8 <= end:
        size, body = int.from_bytes(content[at : at + 4]), at + 8
        if size == 1:
            size, body = int.from_bytes(content[at + 8 : at + 16]), at + 16
        size = end - at if size == 0 or (may_be_cut and at + size > end) else size
        if at + size > end or size < body - at:
            raise ValueError(f"the box at byte {at} ends after the box that it is in")
        yield Box(bytes(content[at + 4 : at + 8]), at, body, at + size)
        at += size


def children(content: Bytes, box: Box, skipped_bytes: int = 0) -> dict[bytes, Box]:
    """Return the boxes inside a box by kind.

    Raises:
        ValueError: there are two boxes of a kind, of which readers may use different ones.
    """
    by_kind: dict[bytes, Box] = {}
    for child in boxes(content, box.body + skipped_bytes, box.end):
        if child.kind in by_kind and child.kind not in (b"free", b"skip", b"uuid"):
            raise ValueError(f"there are two boxes {child.kind!r} in {box.kind!r}")
        by_kind[child.kind] = child
    return by_kind


def items_of(content: Bytes, meta: Box) -> Items | None:
    """Return the items of a ``meta`` box; None where it has none.

    Raises:
        ValueError: the box is not well-formed, or has a part twice that may exist once.
    """
    inside = children(content, meta, 4)
    if b"iinf" not in inside or b"iloc" not in inside:
        return None
    data = inside[b"idat"].body if b"idat" in inside else 0
    properties, associations = _properties(content, inside[b"iprp"]) if b"iprp" in inside else ([], {})
    return Items(
        kinds=_kinds(content, inside[b"iinf"]),
        extents=_extents(content, inside[b"iloc"], data),
        primary=_primary(content, inside[b"pitm"]) if b"pitm" in inside else None,
        properties=properties,
        associations=associations,
        references=list(_references(content, inside[b"iref"])) if b"iref" in inside else [],
    )


@dataclass(slots=True)
class NumberReader:
    """A reader of consecutive numbers of any width within a box."""

    content: Bytes
    at: int
    end: int

    def take(self, width: int) -> int:
        """Read the next number.

        Raises:
            ValueError: the box ends before the number does.
        """
        self.at += width
        if self.at > self.end:
            raise ValueError("a list of numbers ends after its box")
        return int.from_bytes(self.content[self.at - width : self.at])


def item_entries(content: Bytes, iinf: Box) -> Iterator[tuple[int, bytes, Box, int]]:
    """Yield the id, the type, the box and the offset of the name of every item (ISO/IEC 14496-12, 8.11.6)."""
    first = iinf.body + 4 + (2 if content[iinf.body] == 0 else 4)
    for box in boxes(content, first, iinf.end):
        width = 2 if content[box.body] < 3 else 4
        at = box.body + 4
        kind = bytes(content[at + width + 2 : at + width + 6])
        yield int.from_bytes(content[at : at + width]), kind, box, at + width + 6


def _kinds(content: Bytes, iinf: Box) -> dict[int, bytes]:
    kinds: dict[int, bytes] = {}
    for item, kind, _, _ in item_entries(content, iinf):
        if item in kinds or len(kinds) >= MAX_ITEMS:
            raise ValueError(f"item {item} exists twice, or there are too many items")
        kinds[item] = kind
    return kinds


def _extents(content: Bytes, iloc: Box, data: int) -> dict[int, list[Extent]]:
    """Return the extents of each item (ISO/IEC 14496-12, 8.11.3)."""
    numbers = NumberReader(content, iloc.body, iloc.end)
    version, _ = numbers.take(1), numbers.take(3)
    sizes = numbers.take(2)
    offset_bytes, length_bytes, base_bytes, index_bytes = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    extents_of: dict[int, list[Extent]] = {}
    seen = 0
    for _ in range(numbers.take(2 if version < 2 else 4)):
        item = numbers.take(2 if version < 2 else 4)
        method = numbers.take(2) & 15 if version else 0
        if method > 1:
            raise ValueError(f"item {item} is stored in another item")
        if item in extents_of:
            raise ValueError(f"item {item} has two lists of extents")
        numbers.take(2)
        base = numbers.take(base_bytes) + (data if method else 0)
        extents_of[item] = []
        for _ in range(numbers.take(2)):
            numbers.take(index_bytes if version else 0)
            start = base + numbers.take(offset_bytes)
            end = start + (numbers.take(length_bytes) or len(content) - start)
            extents_of[item].append(Extent(start, end))
            seen += 1
            if seen > MAX_EXTENTS:
                raise ValueError("its items have too many extents")
    return extents_of


def _primary(content: Bytes, pitm: Box) -> int:
    return NumberReader(content, pitm.body + 4, pitm.end).take(2 if content[pitm.body] == 0 else 4)


def _properties(content: Bytes, iprp: Box) -> tuple[list[Box], dict[int, list[int]]]:
    """Return all properties, and the indexes of each item's (ISO/IEC 23008-12, 9.3)."""
    properties: list[Box] = []
    associations: dict[int, list[int]] = {}
    for box in boxes(content, iprp.body, iprp.end):
        if box.kind == b"ipco":
            if properties:
                raise ValueError("there are two lists of properties")
            properties = list(boxes(content, box.body, box.end))
        if box.kind != b"ipma":
            continue
        numbers = NumberReader(content, box.body, box.end)
        version, flags = numbers.take(1), numbers.take(3)
        for _ in range(numbers.take(4)):
            item = numbers.take(2 if version < 1 else 4)
            indexes = [_index(numbers, wide=bool(flags & 1)) for _ in range(numbers.take(1))]
            associations.setdefault(item, []).extend(index - 1 for index in indexes if index)
    if any(index >= len(properties) for indexes in associations.values() for index in indexes):
        raise ValueError("an item refers to a property that does not exist")
    return properties, associations


def _index(numbers: NumberReader, *, wide: bool) -> int:
    return numbers.take(2) & 0x7FFF if wide else numbers.take(1) & 0x7F


def _references(content: Bytes, iref: Box) -> Iterator[tuple[bytes, int, tuple[int, ...]]]:
    """Yield kind, from and to of each reference between items (ISO/IEC 14496-12, 8.11.12)."""
    width = 2 if content[iref.body] == 0 else 4
    for box in boxes(content, iref.body + 4, iref.end):
        numbers = NumberReader(content, box.body, box.end)
        origin = numbers.take(width)
        yield box.kind, origin, tuple(numbers.take(width) for _ in range(numbers.take(2)))
