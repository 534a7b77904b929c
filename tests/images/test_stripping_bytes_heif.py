"""Stripping a HEIC or AVIF: which bytes of tiny files become zero, in boxes and items, and which stay, byte by byte."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

import pytest

from shared.images.metadata.heif import strip_heif
from shared.images.metadata.orientation import exif_of


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, bytes([version]) + flags.to_bytes(3), *parts)


def free(length: int) -> bytes:
    """Return the free space that a box of so many bytes in all becomes."""
    return struct.pack(">I", length) + b"free" + bytes(length - 8)


def infe(item: int, kind: bytes, name: bytes = b"", version: int = 2) -> bytes:
    return full(b"infe", item.to_bytes(2 if version < 3 else 4), bytes(2), kind, name, version=version)


def iinf(*entries: bytes, version: int = 0) -> bytes:
    return full(b"iinf", len(entries).to_bytes(2 if version == 0 else 4), *entries, version=version)


def iloc(items: dict[int, tuple[int, list[tuple[int, int]]]], after: bytes = b"", version: int = 1) -> bytes:
    """Return the places of items: by their id, how they are stored (0: at an offset, 1: in ``idat``), and extents."""
    wide = 2 if version < 2 else 4
    body = b"\x44\0" + len(items).to_bytes(wide)
    for item, (method, extents) in items.items():
        body += item.to_bytes(wide) + (method.to_bytes(2) if version else b"") + bytes(2) + len(extents).to_bytes(2)
        body += b"".join(struct.pack(">II", *extent) for extent in extents)
    return full(b"iloc", body + after, version=version)


HDLR = full(b"hdlr", bytes(4), b"pict", bytes(13))
PITM = full(b"pitm", b"\0\1")


def meta(*parts: bytes) -> bytes:
    return full(b"meta", *parts)


def film(*tracks: bytes) -> bytes:
    return box(b"moov", *tracks)


def of_two_items(*more: bytes, places: bytes | None = None, primary: bytes = PITM) -> bytes:
    """Return a list of the picture, with the first four bytes of ``idat``, and of EXIF with the others."""
    locations = iloc({1: (1, [(0, 4)]), 2: (1, [(4, 30)])}) if places is None else places
    return meta(HDLR, primary, iinf(infe(1, b"av01", b"\0"), infe(2, b"xxxx", b"\0")), locations, *more)


def test_a_list_that_tells_nothing_stays() -> None:
    whole = box(b"ftyp", b"avif", bytes(4), b"mif1") + of_two_items(box(b"idat", b"PIXL", bytes(30)))
    assert strip_heif(whole) == whole


@pytest.mark.parametrize(
    "brand",
    b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 miaf MiHB MiHA MiHE MiPr avif avis avio MA1A MA1B tmap "
    b"iso2 iso3 iso4 iso5 iso6 iso7 iso8 iso9 isom mp41 mp42 1pic geo1 unif".split(),
)
def test_a_known_brand_stays_and_another_becomes_the_major_one(brand: bytes) -> None:
    told = box(b"ftyp", b"Majr", b"Adal", brand, b"Love", brand, b"lace")
    assert strip_heif(told) == box(b"ftyp", b"Majr", bytes(4), brand, b"Majr", brand, b"Majr")
    for rest in (b"A", b"Ad", b"Ada"):
        told = box(b"ftyp", b"Majr", b"Adal", brand, rest)
        assert strip_heif(told) == box(b"ftyp", b"Majr", bytes(4), brand, bytes(len(rest)))


@pytest.mark.parametrize("kind", [b"free", b"skip", b"uuid", b"udta", b"XMP_", b"Ada!"])
def test_other_boxes_become_free_space_and_bytes_after_the_boxes_zero(kind: bytes) -> None:
    start = box(b"ftyp", b"avif", bytes(4))
    told = box(kind, b"Ada Lovelace")
    for rest in (b"", b"A", b"Ada Lov"):
        assert strip_heif(told + start + told + rest) == free(20) + start + free(20) + bytes(len(rest))
    large = struct.pack(">I4sQ", 1, kind, 20) + b"Ada!"
    assert strip_heif(start + large) == start + struct.pack(">I4sQ", 1, b"free", 20) + bytes(4)
    assert strip_heif(b"") == b""
    assert strip_heif(b"Ada Lov") == bytes(7)


def test_two_lists_or_two_films_are_refused() -> None:
    for content in (meta() * 2, film() * 2):
        with pytest.raises(ValueError, match=r"^there are two lists of items, or two films$"):
            strip_heif(content)
    for content in (meta() + film(), meta(), film()):
        assert strip_heif(content) == content


@pytest.mark.parametrize("kind", [b"free", b"uuid", b"dinf", b"ipro", b"xml ", b"bxml", b"Ada!"])
def test_other_boxes_of_a_list_become_free_space(kind: bytes) -> None:
    assert strip_heif(meta(HDLR, box(kind, b"Ada"), HDLR[:0])) == meta(HDLR, free(11))


def test_of_a_lists_handler_the_kind_stays() -> None:
    told = full(b"hdlr", b"Adal", b"pict", b"ovelace was here\0")
    assert strip_heif(meta(told)) == meta(full(b"hdlr", bytes(4), b"pict", bytes(17)))


@pytest.mark.parametrize(("version", "width"), [(0, 2), (1, 4)])
def test_the_primary_items_number_stays_without_bytes_after_it(version: int, width: int) -> None:
    number = (1).to_bytes(width)
    for after in (b"", b"A", b"Ada"):
        told, bare = (
            of_two_items(box(b"idat", b"PIXL", bytes(30)), primary=full(b"pitm", number, rest, version=version))
            for rest in (after, bytes(len(after)))
        )
        assert strip_heif(told) == bare
    told = full(b"pitm", b"\xff" * width, b"\xff\xff", version=version)
    assert strip_heif(meta(told)) == meta(full(b"pitm", b"\xff" * width, bytes(2), version=version))


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("version_of_list", [0, 1])
def test_an_items_type_stays_and_its_name_goes(version: int, version_of_list: int) -> None:
    def listed(name: bytes) -> bytes:
        return meta(iinf(infe(1, b"av01", name, version), infe(2, b"mime", name, version), version=version_of_list))

    assert strip_heif(listed(b"Ada Lovelace\0")) == listed(bytes(13))


@pytest.mark.parametrize("version", [0, 1])
def test_an_item_without_a_type_is_refused(version: int) -> None:
    with pytest.raises(ValueError, match=rf"^an item's description has version {version}, expected 2 or more$"):
        strip_heif(meta(iinf(infe(1, b"av01", bytes(9), version))))


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("number", [0, 1, 3])
def test_places_of_items_stay_without_bytes_after_them(version: int, number: int) -> None:
    def listed(after: bytes) -> bytes:
        items = {item: (0, [(0, 4), (8, 2), (3, 1)][:item]) for item in range(1, number + 1)}
        return meta(HDLR, iinf(), iloc(items, after, version))

    assert strip_heif(listed(b"Ada Lovelace")) == listed(bytes(12))
    assert strip_heif(listed(b"")) == listed(b"")


@pytest.mark.parametrize(
    ("version", "sizes"), [(0, 0x4480), (1, 0x4480), (1, 0x4484), (2, 0x8848), (1, 0x0000), (0, 0x484F)]
)
def test_places_of_any_width_stay(version: int, sizes: int) -> None:
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 2 if version < 2 else 4
    entry = (1).to_bytes(wide) + (bytes(2) if version else b"") + bytes(2) + bytes(base) + (2).to_bytes(2)
    entry += 2 * (bytes(index if version else 0) + bytes(offset) + (1).to_bytes(length) if length else bytes(0))
    entry += b"" if length else 2 * bytes((index if version else 0) + offset)
    body = sizes.to_bytes(2) + (1).to_bytes(wide) + entry
    told, bare = (meta(HDLR, iinf(), full(b"iloc", body, rest, version=version)) for rest in (b"Ada", bytes(3)))
    assert strip_heif(told) == bare


@pytest.mark.parametrize(("version", "width"), [(0, 2), (1, 4)])
@pytest.mark.parametrize("number", [0, 1, 3])
def test_references_stay_without_bytes_after_them(version: int, width: int, number: int) -> None:
    def listed(after: bytes) -> bytes:
        targets = b"".join(item.to_bytes(width) for item in range(2, 2 + number))
        one = box(b"cdsc", (1).to_bytes(width), number.to_bytes(2), targets, after)
        return meta(HDLR, full(b"iref", one, one, version=version))

    assert strip_heif(listed(b"Ada")) == listed(bytes(3))
    assert strip_heif(listed(b"")) == listed(b"")


READ = {
    b"ispe": 12, b"irot": 1, b"imir": 1, b"clap": 32, b"pasp": 8, b"clli": 4, b"mdcv": 24, b"a1op": 1, b"lsel": 2,
    b"rloc": 12, b"amve": 8,
}  # fmt: skip
"""The properties of a fixed length, with the bytes that decoders read of each (ISO/IEC 23008-12, 6.5)."""


def properties(*parts: bytes) -> bytes:
    return meta(box(b"iprp", box(b"ipco", *parts)))


@pytest.mark.parametrize("kind", READ)
def test_a_property_of_a_fixed_length_stays_in_it(kind: bytes) -> None:
    body = bytes(range(1, 1 + READ[kind]))
    for more in (b"", b"A", b"Ada Lovelace"):
        told = properties(box(kind, body, more), box(kind, body, more))
        assert strip_heif(told) == properties(*[box(kind, body, bytes(len(more)))] * 2)
    assert strip_heif(properties(box(kind, body[:-1]))) == properties(box(kind, body[:-1]))


ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1", b"urn:mpeg:avc:2015:auxid:1")
SHOWN_AUXILIARIES = (*ALPHA, b"urn:com:apple:photo:2020:aux:hdrgainmap")
LEB = b"\x81\x01"  # 129

CODED: list[tuple[bytes, bytes, bytes]] = [
    (b"pixi", b"\0\0\0\0\3\x08\x08\x08", b"Ada"),
    (b"pixi", b"\0\0\0\0\1\x08", b"Ada"),
    (b"pixi", b"\0\0\0\0\0", b"Ada"),
    *((b"auxC", b"\0\0\0\0" + name, b"\0Ada") for name in SHOWN_AUXILIARIES),
    (b"auxC", b"\0\0\0\0", b"urn:mpeg:hevc:2015:auxid:2\0Ada"),
    (b"auxC", b"\0\0\0\0", b"Ada\0urn:mpeg:hevc:2015:auxid:1"),
    (b"colr", b"nclx" + bytes(range(1, 8)), b"Ada"),
    (b"colr", b"prof" + bytes(range(1, 99)), b""),
    (b"colr", b"rICC" + bytes(range(1, 99)), b""),
    (b"avcC", b"\1\2\3\4\5\6", b""),
    (b"a1lx", b"\1\2\3\4\5\6", b""),
    (b"hvcC", bytes(range(1, 23)) + b"\0", b"Ada"),
    (b"hvcC", bytes(range(1, 23)) + b"\1\x20\0\1\0\3abc", b"Ada"),
    (b"hvcC", bytes(range(1, 23)) + b"\2\x20\0\2\0\3abc\0\1d\x21\0\1\0\0", b"Ada"),
    (b"hvcC", bytes(range(1, 23)) + b"\1\x20\0\0", b"Ada"),
    (b"hvcC", bytes(range(1, 23)) + b"\1\x20\0\1\1\2" + b"a" * 258, b"Ada"),
    (b"av1C", b"\x81\1\2\3", b""),
    (b"av1C", b"\x81\1\2\3\x0a\3abc", b"Ada"),
    (b"av1C", b"\x81\1\2\3\x0a\0", b"Ada"),
    (b"av1C", b"\x81\1\2\3\x0a\x7f" + b"a" * 127, b"Ada"),
    (b"av1C", b"\x81\1\2\3\x0a" + LEB + b"a" * 129, b"Ada"),
    (b"av1C", b"\x81\1\2\3\x0a\x83\x80\0" + b"abc", b"Ada"),
    (b"av1C", b"\x81\1\2\3\x0a\x80\x80\x01" + b"a" * 16384, b"Ada"),
    (b"av1C", b"\x81\1\2\3", b"\x0b\3Adas"),
    (b"av1C", b"\x81\1\2\3", b"\x09\3Adas"),
    (b"av1C", b"\x81\1\2\3", b"\x2a\3Adas"),
]
"""The kind of a property, the bytes of it that decoders read, and others after them."""


@pytest.mark.parametrize(("kind", "read", "after"), CODED)
def test_a_property_of_any_length_stays_in_what_decoders_read(kind: bytes, read: bytes, after: bytes) -> None:
    assert strip_heif(properties(box(kind, read, after))) == properties(box(kind, read, bytes(len(after))))
    assert strip_heif(properties(box(kind, read))) == properties(box(kind, read))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"hvcC", bytes(22)),
        (b"hvcC", bytes(22) + b"\1\x20\0"),
        (b"hvcC", bytes(22) + b"\1\x20\0\1\0\3ab"),
        (b"av1C", b"\x81\1\2\3\x0a"),
        (b"av1C", b"\x81\1\2\3\x0a\3ab"),
        (b"av1C", b"\x81\1\2\3\x0a\x80"),
    ],
)
def test_a_codecs_settings_that_end_after_their_box_are_refused(kind: bytes, body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^a list of numbers ends after its box$"):
        strip_heif(properties(box(kind, body), box(b"irot", b"\1" * 300)))


@pytest.mark.parametrize("kind", [b"free", b"uuid", b"udes", b"rref", b"crtt", b"mdft", b"Ada!"])
def test_other_properties_become_free_space(kind: bytes) -> None:
    told = properties(box(b"irot", b"\1"), box(kind, b"Ada"), box(b"irot", b"\2"))
    assert strip_heif(told) == properties(box(b"irot", b"\1"), free(11), box(b"irot", b"\2"))
    told = meta(box(b"iprp", box(kind, b"Ada"), box(b"ipco", box(b"irot", b"\1A")), box(kind, b"Ada")))
    assert strip_heif(told) == meta(box(b"iprp", free(11), box(b"ipco", box(b"irot", b"\1\0")), free(11)))


@pytest.mark.parametrize(("version", "width"), [(0, 2), (1, 4)])
@pytest.mark.parametrize("flags", [0, 1, 2, 3])
def test_associations_stay_without_bytes_after_them(version: int, width: int, flags: int) -> None:
    def listed(after: bytes) -> bytes:
        one = b"".join(
            item.to_bytes(width) + bytes([number]) + (b"\0\1" if flags & 1 else b"\1") * number
            for item, number in ((1, 0), (2, 1), (3, 3))
        )
        associations = full(b"ipma", (3).to_bytes(4), one, after, version=version, flags=flags)
        return meta(box(b"iprp", box(b"ipco", box(b"irot", b"\1")), associations))

    assert strip_heif(listed(b"Ada Lovelace")) == listed(bytes(12))
    assert strip_heif(listed(b"")) == listed(b"")


@pytest.mark.parametrize("number", [0, 1, 3])
def test_alternatives_stay_and_other_groups_go(number: int) -> None:
    group = b"\0\0\0\1" + number.to_bytes(4) + b"item" * number
    told = meta(box(b"grpl", full(b"altr", group, b"Ada"), full(b"eqiv", group), full(b"altr", group)))
    bare = meta(box(b"grpl", full(b"altr", group, bytes(3)), free(12 + len(group)), full(b"altr", group)))
    assert strip_heif(told) == bare


def shown_of(kinds: dict[int, bytes], *more: bytes, primary: int | None = 1) -> set[int]:
    """Return the items whose data stays: each has one byte in ``idat``."""
    places = iloc({item: (1, [(index, 1)]) for index, item in enumerate(kinds)})
    first = [] if primary is None else [full(b"pitm", primary.to_bytes(2))]
    entries = iinf(*[infe(item, kind, b"\0") for item, kind in kinds.items()])
    data = bytes(range(65, 65 + len(kinds)))
    content = meta(HDLR, *first, entries, places, *more, box(b"idat", data))
    stripped = strip_heif(content)
    assert stripped[: -len(data)] == content[: -len(data)]
    kept = stripped[-len(data) :]
    assert all(after in (0, before) for before, after in zip(data, kept, strict=True))
    return {item for item, byte in zip(kinds, kept, strict=True) if byte}


def references(*each: tuple[bytes, int, tuple[int, ...]]) -> bytes:
    parts = [box(kind, struct.pack(f">HH{len(to)}H", origin, len(to), *to)) for kind, origin, to in each]
    return full(b"iref", *parts)


def of_auxiliary(item: int, name: bytes) -> bytes:
    """Return the property that says what an auxiliary picture is for."""
    prop = full(b"auxC", name, b"\0" if name else b"")
    return box(b"iprp", box(b"ipco", box(b"irot", b"\1"), prop), full(b"ipma", struct.pack(">IHBBB", 1, item, 2, 1, 2)))


KINDS = {1: b"grid", 2: b"av01", 3: b"av01", 4: b"av01"}


def test_the_primary_item_stays_and_no_other() -> None:
    assert shown_of(KINDS) == {1}
    assert shown_of(KINDS, primary=3) == {3}
    assert shown_of(KINDS, primary=None) == set()


def test_the_parts_of_a_picture_stay_and_those_of_another_go() -> None:
    assert shown_of(KINDS, references((b"dimg", 1, (2, 3)))) == {1, 2, 3}
    assert shown_of(KINDS, references((b"dimg", 2, (3, 4)))) == {1}
    assert shown_of(KINDS, references((b"dimg", 2, (1,)))) == {1}
    assert shown_of(KINDS, references((b"dimg", 1, (2,)), (b"dimg", 2, (3,)))) == {1, 2, 3}
    assert shown_of(KINDS, references((b"dimg", 1, (2,)), (b"dimg", 2, (1,)))) == {1, 2}
    for kind in (b"cdsc", b"thmb", b"base"):
        assert shown_of(KINDS, references((kind, 1, (2,)), (kind, 3, (1,)))) == {1}


def test_a_picture_of_several_tones_stays_with_its_parts() -> None:
    kinds = KINDS | {4: b"tmap"}
    assert shown_of(kinds, references((b"dimg", 4, (1, 2)))) == {1, 2, 4}
    assert shown_of(kinds, references((b"dimg", 4, (2, 3)))) == {1}


@pytest.mark.parametrize("name", SHOWN_AUXILIARIES)
def test_transparency_and_a_gain_map_stay(name: bytes) -> None:
    assert shown_of(KINDS, references((b"auxl", 3, (1,))), of_auxiliary(3, name)) == {1, 3}
    assert shown_of(KINDS, references((b"auxl", 3, (2,))), of_auxiliary(3, name)) == {1}
    assert shown_of(KINDS, references((b"auxl", 1, (3,))), of_auxiliary(3, name)) == {1}
    assert shown_of(KINDS, references((b"auxl", 3, (1,))), of_auxiliary(4, name)) == {1}


def test_another_auxiliary_picture_goes() -> None:
    assert shown_of(KINDS, references((b"auxl", 3, (1,))), of_auxiliary(3, b"")) == {1}
    assert shown_of(KINDS, references((b"auxl", 3, (1,)))) == {1}


def test_what_a_picture_is_multiplied_with_stays() -> None:
    assert shown_of(KINDS, references((b"prem", 1, (3,)))) == {1, 3}
    assert shown_of(KINDS, references((b"prem", 3, (1,)))) == {1}


@pytest.mark.parametrize(
    ("extents", "kept"),
    [
        ([(0, 4)], b"ABCD\0\0\0\0\0\0"),
        ([(3, 2)], b"\0\0\0DE\0\0\0\0\0"),
        ([(6, 4)], b"\0\0\0\0\0\0GHIJ"),
        ([(6, 2), (1, 2)], b"\0BC\0\0\0GH\0\0"),
        ([(1, 4), (2, 1)], b"\0BCDE\0\0\0\0\0"),
        ([(1, 3), (4, 2)], b"\0BCDEF\0\0\0\0"),
        ([(0, 10)], b"ABCDEFGHIJ"),
        ([], bytes(10)),
    ],
)
def test_only_the_pictures_bytes_stay_of_the_data(extents: list[tuple[int, int]], kept: bytes) -> None:
    def in_idat(data: bytes) -> bytes:
        return meta(HDLR, PITM, iinf(infe(1, b"av01", b"\0")), iloc({1: (1, extents)}), box(b"idat", data))

    assert strip_heif(in_idat(b"ABCDEFGHIJ")) == in_idat(kept)

    def in_mdat(data: bytes) -> bytes:
        start = box(b"mdat", b"")
        places = iloc({1: (0, [(8 + at, length) for at, length in extents])})
        assert len(start) == 8
        return box(b"mdat", data) + meta(HDLR, PITM, iinf(infe(1, b"av01", b"\0")), places) + box(b"mdat", bytes(3))

    assert strip_heif(in_mdat(b"ABCDEFGHIJ")) == in_mdat(kept)


def test_an_item_may_end_with_the_file_and_not_after_it() -> None:
    def content(more: int) -> bytes:
        start = meta(HDLR, PITM, iinf(infe(1, b"av01", b"\0")), iloc({1: (0, [(0, 4)])}))
        places = iloc({1: (0, [(len(start) + 8, 4 + more)])})
        return meta(HDLR, PITM, iinf(infe(1, b"av01", b"\0")), places) + box(b"mdat", b"PIXL")

    assert strip_heif(content(0)) == content(0)
    with pytest.raises(ValueError, match=r"^an item ends after the file$"):
        strip_heif(content(1))


@pytest.mark.parametrize("length", [29, 30, 31, 40])
def test_exif_becomes_empty_exif_where_it_fits(length: int) -> None:
    empty = bytes(4) + exif_of(1)
    assert len(empty) == 30

    def content(data: bytes) -> bytes:
        places = iloc({1: (1, [(0, 4)]), 2: (1, [(4, length)])})
        entries = iinf(infe(1, b"av01", b"\0"), infe(2, b"Exif", b"\0"))
        return meta(HDLR, PITM, entries, places, box(b"idat", b"PIXL", data, b"\0"))

    kept = empty + bytes(length - 30) if length >= 30 else bytes(length)
    assert strip_heif(content(b"A" * length)) == content(kept)


@pytest.mark.parametrize(
    ("at", "length", "data"),
    [
        (4, 3, b"PIXL   \0"),
        (5, 3, b"PIXL\0   "),
        (4, 4, b"PIXL    "),
        (3, 3, b"PIXL\0\0\0\0"),
        (0, 4, b"PIXL\0\0\0\0"),
        (0, 8, b"PIXL\0\0\0\0"),
        (1, 2, b"PIXL\0\0\0\0"),
    ],
)
def test_xmp_becomes_spaces_where_it_is_no_part_of_the_picture(at: int, length: int, data: bytes) -> None:
    def content(data: bytes) -> bytes:
        places = iloc({1: (1, [(0, 4)]), 2: (1, [(at, length)])})
        return meta(HDLR, PITM, iinf(infe(1, b"av01", b"\0"), infe(2, b"mime", b"\0")), places, box(b"idat", data))

    assert strip_heif(content(b"PIXLAdaL")) == content(data)


def test_xmp_before_the_picture_and_next_to_it_becomes_spaces() -> None:
    def content(data: bytes) -> bytes:
        places = iloc({1: (1, [(4, 4)]), 2: (1, [(0, 4)])})
        return meta(HDLR, PITM, iinf(infe(1, b"av01", b"\0"), infe(2, b"mime", b"\0")), places, box(b"idat", data))

    assert strip_heif(content(b"AdaLPIXL")) == content(b"    PIXL")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (lambda: struct.pack(">I4s", 9, b"ftyp"), "the box at byte 0 ends after the box that it is in"),
        (lambda: struct.pack(">I4s", 7, b"ftyp"), "the box at byte 0 ends after the box that it is in"),
        (lambda: meta(HDLR, HDLR), "there are two boxes b'hdlr' in b'meta'"),
    ],
)
def test_what_is_no_list_of_boxes_is_refused(content: Callable[[], bytes], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        strip_heif(content())
