"""Stripping a TIFF: which tags and bytes of tiny files stay, and which go, in both byte orders, byte by byte."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence

import pytest

from shared.images.metadata.tiff import Entry, Reader, strip_tiff

SHORT, LONG, RATIONAL, UNDEFINED = 3, 4, 5, 7
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of each type's value (TIFF 6.0, section 2, and BigTIFF)."""

ORDERS = ("<", ">")
PROFILE = struct.pack(">I", 128) + bytes(32) + b"acsp" + bytes(88)
Tag = tuple[int, int, int, bytes]
"""Tag, type, number of values, and their bytes."""


def shorts(order: str, tag: int, *values: int) -> Tag:
    return tag, SHORT, len(values), struct.pack(f"{order}{len(values)}H", *values)


def longs(order: str, tag: int, *values: int) -> Tag:
    return tag, LONG, len(values), struct.pack(f"{order}{len(values)}I", *values)


def picture(
    order: str, *tags: Tag, width: int = 4, lines: int = 1, compression: int = 1, photometric: int = 1
) -> list[Tag]:
    """Return the tags of a grey picture of 8 bits, with others, without its strips."""
    basic = {
        256: shorts(order, 256, width),
        257: shorts(order, 257, lines),
        258: shorts(order, 258, 8),
        259: shorts(order, 259, compression),
        262: shorts(order, 262, photometric),
    }
    return [tag for tag in (basic | {tag[0]: tag for tag in tags}).values() if tag[2]]


def tiff(
    order: str, *pages: tuple[Sequence[Tag], Sequence[bytes]], big: bool = False, tiles: bool = False, gap: bytes = b""
) -> bytes:
    """Return a TIFF as the stripper writes it: each page's directory, then its values and parts in the tags' order.

    Args:
        order: the byte order, as ``struct`` names it.
        pages: the tags of each, and its strips or tiles.
        big: write a BigTIFF.
        tiles: the parts are tiles.
        gap: bytes before each directory and value, which tell something.
    """
    magic = b"II" if order == "<" else b"MM"
    word, head, width = ("Q", "Q", 20) if big else ("I", "H", 12)
    size = 8 if big else 4
    out = bytearray(magic + (struct.pack(f"{order}HHHQ", 43, 8, 0, 0) if big else struct.pack(f"{order}HI", 42, 0)))
    link = 8 if big else 4
    places, lengths = (324, 325) if tiles else (273, 279)

    def append(data: bytes) -> int:
        out.extend(gap)
        out.extend(bytes(len(out) % 2))
        out.extend(data)
        return len(out) - len(data)

    for tags, parts in pages:
        kept = {tag[0]: tag for tag in tags}
        if parts:
            kept[places] = longs(order, places, *[0] * len(parts))
            kept.setdefault(lengths, longs(order, lengths, *[len(part) for part in parts]))
        at = append(b"")
        out += bytes(struct.calcsize(order + head) + width * len(kept) + size)
        struct.pack_into(order + word, out, link, at)
        struct.pack_into(order + head, out, at, len(kept))
        for index, tag in enumerate(sorted(kept)):
            _, kind, count, data = kept[tag]
            if tag == places and parts:
                data = longs(order, tag, *[append(part) for part in parts])[3]
            entry = at + struct.calcsize(order + head) + width * index
            struct.pack_into(f"{order}HH{word}", out, entry, tag, kind, count)
            if len(data) > size:
                data = struct.pack(order + word, append(data))
            out[entry + width - size : entry + width - size + len(data)] = data
        link = at + struct.calcsize(order + head) + width * len(kept)
    return bytes(out)


SCALARS = (
    254, 256, 257, 259, 262, 263, 264, 265, 266, 274, 277, 278, 284, 290, 292, 293, 296, 317, 322, 323, 332, 334, 531,
)  # fmt: skip
PER_SAMPLE = (258, 280, 281, 338, 339, 340, 341)
MOST = dict.fromkeys(SCALARS, 1) | dict.fromkeys(PER_SAMPLE, 8)
MOST |= {282: 1, 283: 1, 291: 65536, 297: 2, 301: 3 * 65536, 318: 2, 319: 6, 321: 2, 336: 16, 529: 3, 530: 2, 532: 6}
"""The tags that show a picture, and the most values of each."""


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("tag", MOST)
def test_a_tag_that_shows_the_picture_stays_up_to_its_number_of_values(order: str, tag: int) -> None:
    most = MOST[tag]
    for number in sorted({1, most}):
        values = shorts(order, tag, *[1] * number)
        whole = tiff(order, (picture(order, values, width=1), [b"A"]))
        assert strip_tiff(whole) == whole
    values = shorts(order, tag, *[1] * (most + 1))
    with pytest.raises(ValueError, match=rf"^tag {tag} has {most + 1} values of type 3$"):
        strip_tiff(tiff(order, (picture(order, values), [b"ABCD"])))


@pytest.mark.parametrize("order", ORDERS)
def test_no_other_tag_stays(order: str) -> None:
    bare = tiff(order, (picture(order), [b"ABCD"]))
    kept = {*MOST, *range(512, 522), 273, 279, 320, 324, 325, 347, 34675}
    others = (*range(1, 701), 33432, 33723, 34377, 34665, 34674, 34676, 34853, 65535)
    for tag in others:
        if tag not in kept:
            assert strip_tiff(tiff(order, (picture(order, shorts(order, tag, 1)), [b"ABCD"]))) == bare
    told = [(270, 2, 13, b"Ada Lovelace\0"), (34853, LONG, 1, b"\0\0\0\x08"), (700, 1, 5, b"<x/>\0")]
    assert strip_tiff(tiff(order, (picture(order, *told), [b"ABCD"]), gap=b"Ada")) == bare


@pytest.mark.parametrize("tag", range(512, 522))
def test_the_old_jpeg_compression_is_refused(tag: int) -> None:
    with pytest.raises(ValueError, match=r"^it uses the old JPEG compression of TIFF 6\.0$"):
        strip_tiff(tiff("<", (picture("<", shorts("<", tag, 1)), [b"ABCD"])))


@pytest.mark.parametrize("kind", SIZES)
def test_a_tag_of_numbers_is_no_text_and_a_profile_is_nothing_else(kind: int) -> None:
    value = (282, kind, 1, b"\1" * SIZES[kind])
    content = tiff("<", (picture("<", value), [b"ABCD"]))
    if kind in (1, 2, 6, 7):
        with pytest.raises(ValueError, match=rf"^tag 282 has 1 values of type {kind}$"):
            strip_tiff(content)
        profile = tiff("<", (picture("<", (34675, kind, 128, PROFILE)), [b"ABCD"]))
        kept = tiff("<", (picture("<", (34675, UNDEFINED, 128, PROFILE)), [b"ABCD"]))
        assert strip_tiff(profile) == kept
    else:
        assert strip_tiff(content) == content


def test_values_of_an_unknown_type_have_no_bytes() -> None:
    content = tiff("<", (picture("<", (282, 14, 1, b"")), [b"ABCD"]))
    assert strip_tiff(content) == content


@pytest.mark.parametrize("order", ORDERS)
def test_a_colour_profile_stays_in_its_length_and_goes_where_it_is_none(order: str) -> None:
    bare = tiff(order, (picture(order), [b"ABCD"]))
    kept = tiff(order, (picture(order, (34675, UNDEFINED, 128, PROFILE)), [b"ABCD"]))
    assert strip_tiff(kept) == kept
    longer = PROFILE + b"Ada Lovelace"
    assert strip_tiff(tiff(order, (picture(order, (34675, UNDEFINED, 140, longer)), [b"ABCD"]))) == kept
    for other in (PROFILE[:-1], bytes(128), b"Ada Lovelace"):
        told = tiff(order, (picture(order, (34675, UNDEFINED, len(other), other)), [b"ABCD"]))
        assert strip_tiff(told) == bare
    for size in ((1 << 22), (1 << 22) + 1):
        large = struct.pack(">I", size) + PROFILE[4:] + bytes(size - 128)
        whole = tiff(order, (picture(order, (34675, UNDEFINED, size, large)), [b"ABCD"]))
        if size == 1 << 22:
            assert strip_tiff(whole) == whole
        else:
            with pytest.raises(ValueError, match=rf"^tag 34675 has {size} values of type 7$"):
                strip_tiff(whole)


@pytest.mark.parametrize("order", ORDERS)
def test_colours_stay_in_a_picture_of_a_palette_alone(order: str) -> None:
    for number in (768, 3 << 16):
        colours = shorts(order, 320, *[7] * number)
        for photometric in range(7):
            content = tiff(order, (picture(order, colours, photometric=photometric), [b"ABCD"]))
            bare = tiff(order, (picture(order, photometric=photometric), [b"ABCD"]))
            assert strip_tiff(content) == (content if photometric == 3 else bare)
    with pytest.raises(ValueError, match=r"^tag 320 has 196609 values of type 3$"):
        strip_tiff(tiff(order, (picture(order, shorts(order, 320, *[7] * 196609), photometric=3), [b"ABCD"])))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("compression", [2, 3, 4, 5, 32773, 34925, 50000])
def test_coded_parts_stay_as_they_are(order: str, compression: int) -> None:
    whole = tiff(order, (picture(order, compression=compression), [b"Ada Lovelace", b"", b"odd"]))
    assert strip_tiff(whole) == whole


@pytest.mark.parametrize("compression", [8, 32946])
def test_packed_parts_stay_to_the_end_of_their_stream(compression: int) -> None:
    packed = [zlib.compress(b"ABCD"), zlib.compress(bytes(300_000) + bytes(range(256)) * 99), b""]
    whole = tiff("<", (picture("<", compression=compression), packed))
    told = tiff("<", (picture("<", compression=compression), [part and part + b"Ada" for part in packed]))
    assert strip_tiff(whole) == whole
    assert strip_tiff(told) == whole


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("tags", "most"),
    [
        ({256: 4, 257: 3, 278: 2}, 8),
        ({256: 4, 257: 3, 278: 9}, 12),
        ({256: 4, 257: 3}, 12),
        ({256: 5, 257: 1, 258: 1}, 1),
        ({256: 8, 257: 1, 258: 1}, 1),
        ({256: 9, 257: 2, 258: 1}, 4),
        ({256: 3, 257: 1, 258: 4}, 2),
        ({256: 3, 257: 1, 258: 16}, 6),
        ({256: 3, 257: 2, 258: 0}, 2),
        ({256: 3, 257: 1, 277: 3}, 9),
        ({256: 3, 257: 1, 277: 3, 284: 1}, 9),
        ({256: 3, 257: 1, 277: 3, 284: 2}, 3),
        ({256: 3, 257: 1, 277: 3, 284: 3}, 9),
        ({256: 3, 257: 5, 322: 4, 323: 2}, 8),
        ({256: 3, 257: 1, 322: 4, 323: 6}, 24),
        ({256: 3, 257: 1, 323: 6}, 18),
        ({256: 3, 257: 2, 278: 1, 322: 5}, 5),
    ],
)
@pytest.mark.parametrize("is_compression_declared", [True, False])
def test_raw_parts_stay_to_the_end_of_their_lines(
    order: str, tags: dict[int, int], most: int, *, is_compression_declared: bool
) -> None:
    values = [shorts(order, tag, value) for tag, value in tags.items()]
    if 258 in tags and not tags[258]:
        values = [value for value in values if value[0] != 258] + [(258, SHORT, 0, b"")]
        most = 2  # one bit where none is declared
    if not is_compression_declared:
        values.append((259, SHORT, 0, b""))
    page = picture(order, *values)
    for length in (most - 1, most):
        part = bytes(range(1, length + 1))
        whole = tiff(order, (page, [part, part]), tiles=322 in tags)
        assert strip_tiff(whole) == whole
    part = bytes(range(1, most + 1))
    told = tiff(order, (page, [part + b"A", part + b"Ada Lovelace"]), tiles=322 in tags)
    assert strip_tiff(told) == tiff(order, (page, [part, part]), tiles=322 in tags)


@pytest.mark.parametrize("order", ORDERS)
def test_pages_stay_and_smaller_versions_of_them_go(order: str) -> None:
    def page(*subfile: int) -> list[Tag]:
        return picture(order, *[shorts(order, 254, one) for one in subfile])

    pages = [(page(1), [b"ABCD"]), (page(), [b"BCD"]), (page(2), [b"CDEF"]), (page(0), [b"DEFG"])]
    smaller = [(page(one), [b"Ada!"]) for one in (1, 3, 5)]
    mixed = [pages[0], smaller[0], pages[1], smaller[1], pages[2], pages[3], smaller[2]]
    assert strip_tiff(tiff(order, *pages)) == tiff(order, *pages)
    assert strip_tiff(tiff(order, *mixed, gap=b"Ada")) == tiff(order, *pages)


def test_a_picture_has_at_most_a_thousand_pages() -> None:
    pages = [(picture("<"), [b"ABCD"])] * 1000
    assert strip_tiff(tiff("<", *pages)) == tiff("<", *pages)
    with pytest.raises(ValueError, match=r"^there are too many pages$"):
        strip_tiff(tiff("<", *pages, pages[0]))


@pytest.mark.parametrize("order", ORDERS)
def test_pages_that_follow_each_other_in_a_circle_end(order: str) -> None:
    whole = tiff(order, (picture(order), [b"ABCD"]), (picture(order), [b"EFGH"]))
    reader = Reader(memoryview(whole))
    _, second = reader.directory(reader.first)
    entries, _ = reader.directory(second)
    circle = bytearray(whole)
    for target in (reader.first, second):
        struct.pack_into(f"{order}I", circle, second + 2 + 12 * len(entries), target)
        assert strip_tiff(bytes(circle)) == whole


def test_a_file_without_pages_stays_without() -> None:
    for order, magic in (("<", b"II"), (">", b"MM")):
        whole = magic + struct.pack(f"{order}HI", 42, 0)
        assert strip_tiff(whole + b"Ada") == whole


@pytest.mark.parametrize("order", ORDERS)
def test_a_bigtiff_becomes_a_classic_one(order: str) -> None:
    tags = picture(order, longs(order, 282, 300), shorts(order, 297, 1, 2), (34675, UNDEFINED, 128, PROFILE))
    parts = [b"ABCD", b"EFG"]
    content = tiff(order, (tags, parts), (tags, parts), big=True)
    assert strip_tiff(content) == tiff(order, (tags, parts), (tags, parts))


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
def test_a_directory_has_at_most_two_hundred_entries(order: str, *, big: bool) -> None:
    more = [shorts(order, tag, 1) for tag in range(40000, 40193)]
    assert len(picture(order, *more)) == 198
    bare = tiff(order, (picture(order), [b"ABCD"]))
    assert strip_tiff(tiff(order, (picture(order, *more), [b"ABCD"]), big=big)) == bare
    with pytest.raises(ValueError, match=r"^a directory has 201 entries$"):
        strip_tiff(tiff(order, (picture(order, *more, shorts(order, 50001, 1)), [b"ABCD"]), big=big))


def test_a_picture_has_at_most_250000_parts() -> None:
    reader = Reader(memoryview(b"II"))
    numbers = memoryview(bytes([5]) * 250_001)
    assert reader.numbers(Entry(273, 1, 250_000, numbers)) == [5] * 250_000
    with pytest.raises(ValueError, match=r"^the picture is in 250001 parts$"):
        reader.numbers(Entry(273, 1, 250_001, numbers))


def test_parts_and_their_lengths_are_as_many() -> None:
    page = picture("<", longs("<", 279, 4))
    with pytest.raises(ValueError, match="shorter"):
        strip_tiff(tiff("<", (page, [b"ABCD", b"EFGH"])))
    without = [longs("<", 273, 8), *picture("<")]
    with pytest.raises(KeyError):
        strip_tiff(tiff("<", (without, [])))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("pair", [(273, 279), (324, 325)])
def test_parts_that_overlap_may_grow_the_file_by_four_kibibytes(order: str, pair: tuple[int, int]) -> None:
    def sharing(number: int) -> bytes:
        """Return a file with many references to one part of 64 bytes."""
        places, lengths = pair
        page = picture(order, compression=5)
        return tiff(order, ([*page, longs(order, places, *[8] * number), longs(order, lengths, *[64] * number)], []))

    kept = strip_tiff(sharing(60))
    assert len(kept) <= len(sharing(60)) + 4096
    with pytest.raises(ValueError, match=r"^its parts overlap$"):
        strip_tiff(sharing(70))


@pytest.mark.parametrize("order", ORDERS)
def test_an_offset_beyond_the_end_is_refused(order: str) -> None:
    magic = b"II" if order == "<" else b"MM"
    content = magic + struct.pack(f"{order}HI", 42, 9)
    with pytest.raises(ValueError, match=r"^2 bytes at 9 are beyond the end of the file$"):
        strip_tiff(content + bytes(2))
    assert strip_tiff(content + bytes(1 + 2 + 4)) == strip_tiff(tiff(order, ([], [])))
    for length in (2, 3):
        with pytest.raises(ValueError, match=re.escape("2 bytes at 2 are beyond the end of the file")):
            strip_tiff(content[:length])
    cut = tiff(order, (picture(order, (34675, UNDEFINED, 128, PROFILE)), [b"ABCD"]))
    with pytest.raises(ValueError, match=r"^128 bytes at \d+ are beyond the end of the file$"):
        strip_tiff(cut[:-1])
