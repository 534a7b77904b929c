"""The boxes of HEIC and AVIF files: every field of every version, each limit, and files that contradict themselves."""

from __future__ import annotations

import struct

import pytest

from shared.images.headers.boxes import (
    MAX_EXTENTS,
    MAX_ITEMS,
    Box,
    Extent,
    Items,
    NumberReader,
    boxes,
    children,
    item_entries,
    items_of,
)
from tests.images.heif_parts import full, iinf, iloc, infe, iprp, iref, ispe, meta, number, only_box, pitm, read_items
from tests.pictures import box


def listed(content: bytes, at: int = 0, end: int | None = None, *, may_be_cut: bool = False) -> list[Box]:
    return list(boxes(content, at, len(content) if end is None else end, may_be_cut=may_be_cut))


def items_read(*parts: bytes) -> Items:
    items = read_items(*parts)
    assert items is not None
    return items


def test_boxes_follow_each_other() -> None:
    content = b"xyz" + box(b"aaaa", b"12") + box(b"bbbb") + box(b"cccc", b"1")
    assert listed(content, 3) == [Box(b"aaaa", 3, 11, 13), Box(b"bbbb", 13, 21, 21), Box(b"cccc", 21, 29, 30)]
    assert listed(content, 3, 21) == [Box(b"aaaa", 3, 11, 13), Box(b"bbbb", 13, 21, 21)]


@pytest.mark.parametrize("rest", range(8))
def test_fewer_than_eight_bytes_are_no_box(rest: int) -> None:
    assert listed(box(b"aaaa") + b"\xff" * rest) == [Box(b"aaaa", 0, 8, 8)]
    assert listed(b"\xff" * rest) == []


def test_box_of_size_0_goes_to_the_end() -> None:
    content = box(b"aaaa") + b"\0\0\0\0bbbb" + b"rest"
    assert listed(content) == [Box(b"aaaa", 0, 8, 8), Box(b"bbbb", 8, 16, 20)]
    assert listed(content, end=18)[1] == Box(b"bbbb", 8, 16, 18)


def test_box_of_size_1_has_its_size_in_eight_bytes() -> None:
    content = b"\0\0\0\1wide" + struct.pack(">Q", 18) + b"12" + box(b"next")
    assert listed(content) == [Box(b"wide", 0, 16, 18), Box(b"next", 18, 26, 26)]
    assert listed(b"\0\0\0\1wide" + struct.pack(">Q", 16)) == [Box(b"wide", 0, 16, 16)]
    with pytest.raises(ValueError, match="the box at byte 0 ends after the box that it is in"):
        listed(b"\0\0\0\1wide" + struct.pack(">Q", 15))


@pytest.mark.parametrize("size", [1 << 63 | 16, 1 << 56 | 16, 1 << 32 | 16])
def test_size_of_eight_bytes_has_all_of_them(size: int) -> None:
    with pytest.raises(ValueError, match="the box at byte 0 ends after the box that it is in"):
        listed(b"\0\0\0\1wide" + struct.pack(">Q", size))


@pytest.mark.parametrize("size", [2, 7, 9, 100, 0xFFFFFFFF])
def test_box_that_is_smaller_than_its_header_or_larger_than_its_place_is_an_error(size: int) -> None:
    content = box(b"aaaa") + struct.pack(">I4s", size, b"bbbb")
    with pytest.raises(ValueError, match="the box at byte 8 ends after the box that it is in"):
        list(boxes(content, 0, len(content)))


def test_last_box_of_a_file_that_may_be_cut_ends_with_it() -> None:
    content = box(b"aaaa") + struct.pack(">I4s", 100, b"bbbb") + b"123"
    assert listed(content, may_be_cut=True) == [Box(b"aaaa", 0, 8, 8), Box(b"bbbb", 8, 16, 19)]
    whole = box(b"aaaa", b"1") + box(b"bbbb")
    assert listed(whole, may_be_cut=True) == listed(whole)
    with pytest.raises(ValueError, match="the box at byte 8"):
        listed(box(b"aaaa") + struct.pack(">I4s", 7, b"bbbb"), may_be_cut=True)


def test_children_are_found_by_kind_behind_the_skipped_bytes() -> None:
    content = box(b"trak", b"1234", box(b"aaaa", b"1"), box(b"bbbb"))
    assert children(content, only_box(content), 4) == {
        b"aaaa": Box(b"aaaa", 12, 20, 21),
        b"bbbb": Box(b"bbbb", 21, 29, 29),
    }
    plain = box(b"trak", box(b"aaaa"))
    assert children(plain, only_box(plain)) == {b"aaaa": Box(b"aaaa", 8, 16, 16)}


@pytest.mark.parametrize("kind", [b"free", b"skip", b"uuid"])
def test_box_that_may_be_there_often_is(kind: bytes) -> None:
    content = box(b"trak", box(kind), box(b"aaaa"), box(kind))
    assert children(content, only_box(content))[kind].start == 24


def test_two_boxes_of_another_kind_are_an_error() -> None:
    content = box(b"meta", box(b"iloc"), box(b"iinf"), box(b"iloc"))
    with pytest.raises(ValueError, match=r"^there are two boxes b'iloc' in b'meta'$"):
        children(content, only_box(content))


def test_numbers_are_read_one_after_the_other_to_the_end_of_their_box() -> None:
    numbers = NumberReader(b"\xff\1\2\3\4\5\6\7\xff", 1, 8)
    assert [numbers.take(width) for width in (1, 2, 0, 4)] == [1, 0x0203, 0, 0x04050607]
    assert numbers.take(0) == 0
    with pytest.raises(ValueError, match="a list of numbers ends after its box"):
        numbers.take(1)


@pytest.mark.parametrize("part", ["iinf", "iloc", "both"])
def test_meta_box_without_a_list_of_items_or_extents_has_no_items(part: str) -> None:
    parts = {"iinf": [iloc({})], "iloc": [iinf({})], "both": []}[part]
    assert read_items(*parts, pitm(1)) is None


def test_items_of_a_meta_box_with_nothing_else_are_bare() -> None:
    expected = Items({7: b"hvc1"}, {}, None, [], {}, [])
    assert read_items(iinf({7: b"hvc1"}), iloc({})) == expected


def test_items_have_all_that_is_said_of_them() -> None:
    properties = (ispe(640, 480), box(b"irot", b"\1"), ispe(64, 48))
    items = items_read(
        iinf({1: b"grid", 2: b"hvc1", 0x1234: b"Exif"}),
        iloc({1: [(100, 10)], 2: [(200, 20), (300, 30)]}),
        pitm(0x0102),
        iprp(properties, {1: [1, 2], 2: [3, 0x81]}),
        iref(b"dimg", 1, [2, 0x1234]),
    )
    assert items.kinds == {1: b"grid", 2: b"hvc1", 0x1234: b"Exif"}
    assert items.extents == {1: [Extent(100, 110)], 2: [Extent(200, 220), Extent(300, 330)]}
    assert items.primary == 0x0102
    assert [found.kind for found in items.properties] == [b"ispe", b"irot", b"ispe"]
    assert items.associations == {1: [0, 1], 2: [2, 0]}
    assert items.references == [(b"dimg", 1, (2, 0x1234))]
    assert items.properties_of(1, b"ispe") == [items.properties[0]]
    assert items.properties_of(2, b"ispe") == [items.properties[2], items.properties[0]]
    assert items.properties_of(1, b"irot") == [items.properties[1]]
    assert items.properties_of(2, b"irot") == items.properties_of(3, b"ispe") == []


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("of_entry", [2, 3])
def test_item_entries_have_the_widths_of_their_versions(version: int, of_entry: int) -> None:
    entry = infe(0x0105, b"mime", of_entry, b"name\0")
    content = full(b"iinf", number(1, 2 if version == 0 else 4), entry, version=version)
    [(item, kind, found, name_at)] = item_entries(content, only_box(content))
    assert (item, kind) == (0x0105, b"mime")
    assert content[found.start : found.end] == entry
    assert content[name_at:] == b"name\0"


def test_item_that_exists_twice_is_an_error() -> None:
    twice = full(b"iinf", number(2, 2), infe(5, b"hvc1"), infe(5, b"Exif"))
    with pytest.raises(ValueError, match=r"^item 5 exists twice, or there are too many items$"):
        read_items(twice, iloc({}))


def test_items_are_10_000_at_most() -> None:
    assert MAX_ITEMS == 10_000
    assert len(items_read(iinf(dict.fromkeys(range(10_000), b"hvc1")), iloc({})).kinds) == 10_000
    with pytest.raises(ValueError, match="item 10000 exists twice, or there are too many items"):
        read_items(iinf(dict.fromkeys(range(10_001), b"hvc1")), iloc({}))


def test_extents_are_10_000_at_most_of_all_items_together() -> None:
    assert MAX_EXTENTS == 10_000
    half = [(9, 1)] * 5_000
    assert len(items_read(iinf({}), iloc({1: half, 2: half})).extents[2]) == 5_000
    with pytest.raises(ValueError, match=r"^its items have too many extents$"):
        read_items(iinf({}), iloc({1: half, 2: [*half, (9, 1)]}))


def located(*parts: bytes, version: int = 0, idat: bytes | None = None) -> tuple[dict[int, list[Extent]], bytes]:
    """Return the extents of an ``iloc`` of these parts, and the whole content."""
    inside = () if idat is None else (box(b"idat", idat),)
    content = meta(iinf({}), full(b"iloc", *parts, version=version), *inside)
    items = items_of(content, only_box(content))
    assert items is not None
    return items.extents, content


def test_extents_have_numbers_of_the_declared_widths() -> None:
    sizes = b"\x42\x80"  # offsets of 4 bytes, lengths of 2, bases of 8
    item = struct.pack(">HHQH", 3, 0, 1 << 33, 2) + struct.pack(">IH", 5, 7) + struct.pack(">IH", 50, 70)
    extents, _ = located(sizes, number(1, 2), item)
    base = 1 << 33
    assert extents == {3: [Extent(base + 5, base + 12), Extent(base + 50, base + 120)]}


@pytest.mark.parametrize("version", [1, 2])
def test_extents_of_later_versions_have_a_method_and_an_index(version: int) -> None:
    width = 2 if version == 1 else 4
    sizes = b"\x11\x12"  # offsets, lengths and bases of a byte, indexes of 2
    item = number(0x0203, width) + number(0xFFF0, 2) + bytes(2) + b"\x64" + number(1, 2) + b"\xaa\xbb\5\7"
    extents, _ = located(sizes, number(1, width), item, version=version)
    assert extents == {0x0203: [Extent(105, 112)]}


def test_extents_of_version_0_have_no_index() -> None:
    extents, _ = located(b"\x11\x02", number(1, 2), struct.pack(">HHH", 1, 0, 1) + b"\5\7")
    assert extents == {1: [Extent(5, 12)]}


def test_extent_may_be_in_the_data_of_the_meta_box() -> None:
    item = struct.pack(">HHHH", 1, 1, 0, 1) + b"\2\3"
    extents, content = located(b"\x11\0", number(1, 2), item, version=1, idat=b"0123456789")
    [extent] = extents[1]
    assert content[extent.start : extent.end] == b"234"


def test_extent_in_the_file_does_not_count_from_the_data_of_the_meta_box() -> None:
    item = struct.pack(">HHHH", 1, 0, 0, 1) + b"\2\3"
    extents, _ = located(b"\x11\0", number(1, 2), item, version=1, idat=b"0123456789")
    assert extents == {1: [Extent(2, 5)]}


def test_extent_without_a_length_goes_to_the_end_of_the_file() -> None:
    extents, content = located(b"\x11\0", number(1, 2), struct.pack(">HHH", 1, 0, 1) + b"\5\0")
    assert extents == {1: [Extent(5, len(content))]}


@pytest.mark.parametrize("method", [2, 3, 15])
def test_item_that_is_stored_in_another_is_an_error(method: int) -> None:
    item = struct.pack(">HHHH", 9, method, 0, 0)
    with pytest.raises(ValueError, match=r"^item 9 is stored in another item$"):
        located(b"\x11\0", number(1, 2), item, version=1)


def test_item_with_two_lists_of_extents_is_an_error() -> None:
    item = struct.pack(">HHH", 9, 0, 0)
    with pytest.raises(ValueError, match=r"^item 9 has two lists of extents$"):
        located(b"\x11\0", number(2, 2), item, item)


def test_list_of_extents_that_is_cut_short_is_an_error() -> None:
    with pytest.raises(ValueError, match="a list of numbers ends after its box"):
        located(b"\x11\0", number(1, 2), struct.pack(">HHH", 9, 0, 1) + b"\5")


@pytest.mark.parametrize("version", [0, 1])
def test_primary_item_has_the_width_of_its_version(version: int) -> None:
    assert items_read(iinf({}), iloc({}), pitm(0x0304, version)).primary == 0x0304


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("flags", [0, 1])
def test_associations_have_the_widths_of_their_version_and_flags(version: int, flags: int) -> None:
    wide = flags == 1
    essential = 0x8000 if wide else 0x80
    indexes = b"".join(number(index, 2 if wide else 1) for index in (2, 0, essential | 1))
    uses = number(0x0105, 2 if version == 0 else 4) + number(3, 1) + indexes
    ipma = full(b"ipma", number(1, 4), uses, version=version, flags=flags)
    items = items_read(iinf({}), iloc({}), box(b"iprp", box(b"ipco", ispe(1, 2), ispe(3, 4)), ipma))
    assert items.associations == {0x0105: [1, 0]}


def test_associations_of_several_lists_are_joined() -> None:
    lists = [full(b"ipma", number(1, 4), struct.pack(">HBB", 5, 1, index)) for index in (2, 1)]
    items = items_read(iinf({}), iloc({}), box(b"iprp", box(b"ipco", ispe(1, 2), ispe(3, 4)), box(b"free"), *lists))
    assert items.associations == {5: [1, 0]}


def test_wide_index_has_fifteen_bits() -> None:
    ipma = full(b"ipma", number(1, 4), struct.pack(">HBH", 5, 1, 0x8000 | 300), flags=1)
    items = items_read(iinf({}), iloc({}), box(b"iprp", box(b"ipco", *[box(b"free")] * 300), ipma))
    assert items.associations == {5: [299]}


@pytest.mark.parametrize(("index", "is_there"), [(1, True), (2, True), (3, False), (127, False)])
def test_item_that_refers_to_a_property_that_does_not_exist_is_an_error(index: int, is_there: bool) -> None:
    parts = (iinf({}), iloc({}), iprp((ispe(1, 2), ispe(3, 4)), {4: [], 5: [1, index]}))
    if is_there:
        assert items_read(*parts).associations == {4: [], 5: [0, index - 1]}
    else:
        with pytest.raises(ValueError, match=r"^an item refers to a property that does not exist$"):
            read_items(*parts)


def test_two_lists_of_properties_are_an_error() -> None:
    ipco = box(b"ipco", ispe(1, 2))
    with pytest.raises(ValueError, match=r"^there are two lists of properties$"):
        read_items(iinf({}), iloc({}), box(b"iprp", ipco, ipco))


@pytest.mark.parametrize("version", [0, 1])
def test_references_have_the_width_of_their_version(version: int) -> None:
    width = 2 if version == 0 else 4
    one = box(b"dimg", *(number(value, width) for value in (0x0101,)), number(2, 2), number(2, width), number(3, width))
    two = box(b"cdsc", number(9, width), number(1, 2), number(1, width))
    items = items_read(iinf({}), iloc({}), full(b"iref", one, two, version=version))
    assert items.references == [(b"dimg", 0x0101, (2, 3)), (b"cdsc", 9, (1,))]


def test_parts_that_may_be_there_once_are_an_error_twice() -> None:
    for part in (iinf({}), iloc({}), pitm(1), iprp((), {}), iref(b"dimg", 1, [2])):
        with pytest.raises(ValueError, match="there are two boxes"):
            read_items(iinf({}), iloc({}), part, part)
