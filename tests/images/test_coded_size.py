"""The pixels that a HEIC's or AVIF's decoder will hold: AV1's headers bit by bit, items, grids and films."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import pytest

from shared.images.headers.boxes import Items
from shared.images.headers.coded_size import MAX_UNITS, _Bits, av1_size, coded_pixels, declared_pixels, declared_size
from tests.images.heif_parts import full, iinf, iloc, iprp, iref, ispe, meta, read_items
from tests.pictures import box

Field = tuple[int, int]
"""A number, and how many bits it takes."""

PROFILE, STILL, NOT_REDUCED, REDUCED, LEVEL = (0, 3), (1, 1), (0, 1), (1, 1), (31, 5)
NO_TIMES, NO_DELAY, ONE_POINT = (0, 1), (0, 1), (0, 5)


def bits(*fields: Field) -> bytes:
    """Return numbers as a string of bits, with zeros to a whole byte."""
    text = "".join(format(value, f"0{width}b") if width else "" for value, width in fields)
    return int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8))


def size_fields(width: int, height: int, width_bits: int = 16, height_bits: int = 16) -> tuple[Field, ...]:
    return (width_bits - 1, 4), (height_bits - 1, 4), (width - 1, width_bits), (height - 1, height_bits)


def reduced(width: int, height: int, width_bits: int = 16, height_bits: int = 16) -> bytes:
    """Return the sequence header of a still picture."""
    return bits(PROFILE, STILL, REDUCED, LEVEL, *size_fields(width, height, width_bits, height_bits))


def unit(
    header: bytes, kind: int = 1, *, extension: bool = False, has_size: bool = True, size: int | None = None
) -> bytes:
    """Return an open bitstream unit; without ``size`` with its true size."""
    begin = bytes([kind << 3 | extension << 2 | has_size << 1]) + (b"\x20" if extension else b"")
    return begin + (leb128(len(header) if size is None else size) if has_size else b"") + header


def leb128(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


@pytest.mark.parametrize("size", [(1, 1), (64, 48), (1, 65536), (65536, 1), (1001, 13)])
def test_size_is_that_of_the_sequence_header(size: Field) -> None:
    assert av1_size(unit(reduced(*size))) == size


@pytest.mark.parametrize(("width_bits", "height_bits"), [(1, 1), (7, 6), (6, 7), (16, 6), (9, 16)])
def test_size_has_as_many_bits_as_the_header_says(width_bits: int, height_bits: int) -> None:
    size = 1 << width_bits, (1 << height_bits) - 1
    assert av1_size(unit(reduced(*size, width_bits, height_bits))) == size


def whole(*fields: Field, end: bytes = b"") -> bytes:
    """Return the sequence header of a film, with fields before its size, and a size of 641 x 479."""
    return unit(bits(PROFILE, (0, 1), NOT_REDUCED, *fields, *size_fields(641, 479)) + end)


POINT, LONG_POINT = ((0xABC, 12), (7, 5)), ((0x123, 12), (8, 5), (1, 1))
"""An operating point: its layers, and a level; levels over 7 have a tier."""

MODEL = ((9, 5), (0xFFFFFFFF, 32), (31, 5), (31, 5))
"""A decoder model with delays of ten bits."""

TIMES = ((1, 1), (0xFFFFFFFFFFFFFFFF, 64))

SEVERAL_FIELDS: dict[str, Sequence[Field]] = {
    "one point": (NO_TIMES, NO_DELAY, ONE_POINT, *POINT),
    "a point with a tier": (NO_TIMES, NO_DELAY, ONE_POINT, *LONG_POINT),
    "three points": (NO_TIMES, NO_DELAY, (2, 5), *POINT, *LONG_POINT, *POINT),
    "26 points": (NO_TIMES, NO_DELAY, (25, 5), *POINT * 26),
    "a display delay": (NO_TIMES, (1, 1), ONE_POINT, *POINT, (1, 1), (15, 4)),
    "no display delay of a point": (NO_TIMES, (1, 1), (1, 5), *POINT, (0, 1), *LONG_POINT, (1, 1), (15, 4)),
    "times": (*TIMES, (0, 1), (0, 1), NO_DELAY, ONE_POINT, *POINT),
    "times at equal intervals": (*TIMES, (1, 1), (1, 1), (0, 1), NO_DELAY, ONE_POINT, *POINT),
    "times at longer intervals": (*TIMES, (1, 1), (1, 4), (5, 3), (0, 1), NO_DELAY, ONE_POINT, *POINT),
    "times at the longest interval": (*TIMES, (1, 1), (0, 32), (0, 1), NO_DELAY, ONE_POINT, *POINT),
    "times at nearly the longest interval": (
        *TIMES, (1, 1), (0, 31), (1, 1), (2**31 - 1, 31), (0, 1), NO_DELAY, ONE_POINT, *POINT,
    ),
    "a model of no point": (*TIMES, (0, 1), (1, 1), *MODEL, NO_DELAY, ONE_POINT, *POINT, (0, 1)),
    "a model of a point": (*TIMES, (0, 1), (1, 1), *MODEL, NO_DELAY, ONE_POINT, *POINT, (1, 1), (2**21 - 1, 21)),
    "a model with the shortest delays": (
        *TIMES, (0, 1), (1, 1), (0, 5), *MODEL[1:], NO_DELAY, ONE_POINT, *POINT, (1, 1), (7, 3),
    ),
    "a model and a delay of two points": (
        *TIMES, (0, 1), (1, 1), *MODEL, (1, 1), (1, 5),
        *LONG_POINT, (1, 1), (2**21 - 1, 21), (1, 1), (15, 4), *POINT, (0, 1), (0, 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("fields", SEVERAL_FIELDS)
def test_size_is_found_behind_what_else_a_header_says(fields: str) -> None:
    assert av1_size(whole(*SEVERAL_FIELDS[fields], end=b"\xff\xff")) == (641, 479)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([(1, 1)], 0),
        ([(1, 2), (0, 1)], 1),
        ([(1, 2), (1, 1)], 2),
        ([(1, 3), (0, 2)], 3),
        ([(1, 3), (3, 2)], 6),
        ([(1, 32), (2**31 - 1, 31)], 2**32 - 2),
        ([(0, 32)], 2**32 - 1),
    ],
)
def test_number_of_variable_length_has_as_many_bits_as_zeros_before_it(fields: list[Field], expected: int) -> None:
    reader = _Bits(bits(*fields, (0b101, 3)))
    assert (reader.take_uvlc(), reader.take(3)) == (expected, 0b101)


def test_size_in_the_first_64_bytes_of_a_header_is_found_and_behind_them_it_is_cut_short() -> None:
    long, short = (*POINT, (1, 1), (15, 4)), (*POINT, (0, 1))
    begin = (PROFILE, (0, 1), NOT_REDUCED, NO_TIMES, (1, 1), (20, 5))
    in_64, in_65 = (
        bits(*begin, *points, *size_fields(641, 479)) for points in ((*long * 19, *short * 2), (*long * 21,))
    )
    assert (len(in_64), len(in_65)) == (64, 65)
    assert av1_size(unit(in_64)) == (641, 479)
    with pytest.raises(ValueError, match="a sequence header is cut short"):
        av1_size(unit(in_65))


@pytest.mark.parametrize("missing", [1, 2, 5])
def test_header_that_is_cut_short_is_an_error(missing: int) -> None:
    header = reduced(641, 479)
    with pytest.raises(ValueError, match=r"^a sequence header is cut short$"):
        av1_size(unit(header[:-missing]))
    with pytest.raises(ValueError, match=r"^a sequence header is cut short$"):
        av1_size(unit(header + bytes(9), size=len(header) - missing))


@pytest.mark.parametrize("kind", [0, 2, 3, 4, 5, 6, 8, 9, 15])
def test_other_units_have_no_size(kind: int) -> None:
    assert av1_size(unit(reduced(64, 48), kind)) is None
    assert av1_size(unit(reduced(64, 48), kind) + unit(reduced(30, 20))) == (30, 20)


@pytest.mark.parametrize("extension", [False, True])
@pytest.mark.parametrize("has_size", [False, True])
def test_unit_may_have_an_extension_and_no_size(extension: bool, has_size: bool) -> None:
    last = unit(reduced(64, 48), extension=extension, has_size=has_size)
    assert av1_size(unit(b"", 2) + last) == (64, 48)
    assert av1_size(unit(b"12345", 6, extension=extension) + last) == (64, 48)


def test_unit_without_a_size_is_the_last() -> None:
    assert av1_size(unit(b"", 2, has_size=False) + unit(reduced(64, 48))) is None


def test_bit_that_is_reserved_does_not_matter() -> None:
    content = bytearray(unit(reduced(64, 48)))
    content[0] |= 0x81
    assert av1_size(bytes(content)) == (64, 48)


def test_size_is_the_largest_width_and_height_of_all_headers() -> None:
    headers = [unit(reduced(*size)) for size in ((64, 10), (20, 48), (30, 30))]
    assert av1_size(b"".join(headers)) == (64, 48)
    assert av1_size(b"".join(headers[::-1])) == (64, 48)


def test_data_without_units_has_no_size() -> None:
    assert av1_size(b"") is None
    assert av1_size(unit(b"", 2)) is None


def test_units_are_read_to_the_thousandth() -> None:
    assert MAX_UNITS == 1000
    assert av1_size(unit(b"", 2) * 999 + unit(reduced(64, 48))) == (64, 48)
    assert av1_size(unit(b"", 2) * 1000 + unit(reduced(64, 48))) is None


@pytest.mark.parametrize("length", [0, 1, 127, 128, 300, 16_383, 16_384, 2_097_152])
def test_length_of_a_unit_may_have_several_bytes(length: int) -> None:
    assert av1_size(unit(bytes(length), 6) + unit(reduced(64, 48))) == (64, 48)


def test_length_has_eight_bytes_at_most() -> None:
    header = reduced(64, 48)
    length = bytes([0x80 | len(header), *[0x80] * 6, 0])
    assert av1_size(b"\x0a" + length + header) == (64, 48)
    with pytest.raises(ValueError, match=r"^a length has no end$"):
        av1_size(b"\x0a" + bytes([0x80 | len(header), *[0x80] * 7, 0]) + header)


@pytest.mark.parametrize("cut", [b"\x0a", b"\x0a\x80", b"\x0a\xff\xff", b"\x0e\x20"])
def test_length_that_is_cut_short_is_an_error(cut: bytes) -> None:
    with pytest.raises(ValueError, match=r"^a length is cut short$"):
        av1_size(cut)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", 0),
        (ispe(640, 480), 640 * 480),
        (ispe(640, 480) + b"x" + ispe(10, 65_536) + ispe(1, 1), 655_360),
        (ispe(2**32 - 1, 3), 3 * (2**32 - 1)),
        (ispe(0x0A0A, 0x0A0A), 0x0A0A**2),
        (ispe(640, 480)[:-1], 0),
        (ispe(640, 480).replace(b"\x14ispe", b"\x15ispe"), 0),
        (full(b"ispe", struct.pack(">II", 640, 480), version=1), 0),
    ],
)
def test_declared_pixels_are_those_of_the_largest_size_anywhere(content: bytes, expected: int) -> None:
    assert declared_pixels(content) == expected


def test_declared_size_is_that_of_the_items_first_property() -> None:
    parts = (
        iinf({1: b"hvc1"}),
        iloc({}),
        iprp((ispe(640, 480), ispe(64, 48), box(b"irot", b"\0")), {1: [3, 2, 1], 2: [3]}),
    )
    content, items = meta(*parts), read_items(*parts)
    assert isinstance(items, Items)
    assert declared_size(content, items, 1) == (64, 48)
    assert declared_size(content, items, 2) is declared_size(content, items, 3) is None


FTYP = box(b"ftyp", b"avif\0\0\0\0")


def avif(
    coded: Sequence[bytes],
    declared: Sequence[bytes],
    uses: Mapping[int, Sequence[int]] | None = None,
    kinds: dict[int, bytes] | None = None,
    more: bytes = b"",
) -> bytes:
    """Return an AVIF of items, the first of which is item 1, with their data in ``mdat``."""
    kinds = dict.fromkeys(range(1, len(coded) + 1), b"av01") if kinds is None else kinds
    uses = {item: [item] for item in range(1, len(declared) + 1)} if uses is None else uses
    data = box(b"mdat", *coded)
    starts = [len(FTYP) + 8 + sum(map(len, coded[:index])) for index in range(len(coded))]
    extents = {index: [(start, len(part))] for index, (start, part) in enumerate(zip(starts, coded, strict=True), 1)}
    return FTYP + data + meta(iinf(kinds), iloc(extents), iprp(declared, uses), *([more] if more else []))


@pytest.mark.parametrize(
    ("coded", "declared", "fits"),
    [
        ((64, 48), (64, 48), True),
        ((64, 48), (65, 49), True),
        ((64, 48), (63, 48), False),
        ((64, 48), (64, 47), False),
        ((64, 48), (48, 64), False),
        ((48, 64), (64, 48), False),
    ],
)
def test_coded_picture_may_not_be_larger_than_declared(coded: Field, declared: Field, fits: bool) -> None:
    content = avif([unit(reduced(*coded))], [ispe(*declared)])
    if fits:
        assert coded_pixels(content, "avif") == declared[0] * declared[1]
    else:
        message = f"^item 1 is {coded[0]} x {coded[1]} pixels, but declares {declared[0]} x {declared[1]}$"
        with pytest.raises(ValueError, match=message):
            coded_pixels(content, "avif")
    assert coded_pixels(content, "heif") == declared[0] * declared[1]


def test_every_coded_item_is_checked() -> None:
    headers = [unit(reduced(*size)) for size in ((64, 48), (32, 24))]
    assert coded_pixels(avif(headers, [ispe(64, 48), ispe(32, 24)]), "avif") == 64 * 48
    with pytest.raises(ValueError, match=r"^item 2 is 32 x 24 pixels, but declares 32 x 23$"):
        coded_pixels(avif(headers, [ispe(64, 48), ispe(32, 23)]), "avif")


def test_item_of_another_kind_and_item_without_data_are_not_checked() -> None:
    small, true = ispe(2, 2), ispe(32, 24)
    headers = [unit(reduced(64, 48)), unit(reduced(32, 24))]
    assert coded_pixels(avif(headers, [small, true], kinds={1: b"Exif", 2: b"av01"}), "avif") == 32 * 24
    assert coded_pixels(avif([], [ispe(2, 3)], kinds={1: b"av01"}), "avif") == 6
    with pytest.raises(ValueError, match=r"^item 1 is 64 x 48 pixels"):
        coded_pixels(avif(headers[:1], [small], kinds={9: b"av01", 8: b"Exif", 1: b"av01"}), "avif")


@pytest.mark.parametrize(
    "content",
    [avif([unit(reduced(64, 48))], []), avif([unit(b"", 2)], [ispe(64, 48)])],
    ids=["no property", "no sequence header"],
)
def test_coded_item_without_a_size_is_an_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^item 1 declares no size$"):
        coded_pixels(content, "avif")


def test_data_of_an_item_are_its_extents_one_after_the_other() -> None:
    header = unit(reduced(64, 48))
    data = box(b"mdat", header[:3], b"other", header[3:])
    at = len(FTYP) + 8
    extents = {1: [(at, 3), (at + 8, len(header) - 3)]}
    content = FTYP + data + meta(iinf({1: b"av01"}), iloc(extents), iprp([ispe(64, 47)], {1: [1]}))
    with pytest.raises(ValueError, match="item 1 is 64 x 48 pixels"):
        coded_pixels(content, "avif")


@pytest.mark.parametrize("name", ["heif", "avif"])
def test_grid_holds_all_its_tiles_and_other_references_hold_nothing(name: str) -> None:
    kinds = {1: b"grid", 2: b"hvc1", 3: b"hvc1", 4: b"hvc1"}
    uses = {1: [1], 2: [2], 3: [3]}
    declared = [ispe(70, 50), ispe(40, 50), ispe(41, 51)]

    def held(reference: bytes, kinds: dict[int, bytes] = kinds) -> int:
        return coded_pixels(avif([], declared, uses, kinds, reference), name)

    assert held(iref(b"dimg", 1, [2, 3, 4])) == 40 * 50 + 41 * 51
    assert held(iref(b"dimg", 1, [2])) == 70 * 50
    assert held(iref(b"thmb", 1, [2, 3])) == 70 * 50
    assert held(iref(b"dimg", 4, [2, 3])) == 70 * 50
    assert held(iref(b"dimg", 1, [2, 3]), {**kinds, 1: b"iden"}) == 70 * 50


def film(
    coded: Field = (64, 48),
    declared: Field = (64, 48),
    *,
    kind: bytes = b"av01",
    one_size: bool = True,
    wide: bool = False,
    sized: bool = True,
) -> bytes:
    """Return an AVIF of a film with one frame."""
    sample = unit(reduced(*coded)) if sized else unit(b"", 2)
    data = box(b"mdat", b"before", sample, b"\x0a\x80after")
    start = len(FTYP) + 8 + 6
    entry = box(kind, bytes(24), struct.pack(">HH", *declared), bytes(50))
    sizes = struct.pack(">II", len(sample), 1) if one_size else struct.pack(">III", 0, 1, len(sample))
    chunks = full(b"co64", struct.pack(">IQ", 1, start)) if wide else full(b"stco", struct.pack(">II", 1, start))
    table = box(b"stbl", full(b"stsd", struct.pack(">I", 1), entry), full(b"stsz", sizes), chunks)
    track = box(b"trak", box(b"tkhd"), box(b"mdia", box(b"hdlr"), box(b"minf", table)))
    return FTYP + data + box(b"moov", box(b"mvhd", bytes(4)), track)


@pytest.mark.parametrize("one_size", [True, False])
@pytest.mark.parametrize("wide", [True, False])
def test_film_holds_its_coded_frame(one_size: bool, wide: bool) -> None:
    assert coded_pixels(film(one_size=one_size, wide=wide), "avif") == 64 * 48
    assert coded_pixels(film((64, 48), (65, 70), one_size=one_size, wide=wide), "avif") == 64 * 48
    assert coded_pixels(film(one_size=one_size, wide=wide), "heif") == 0


@pytest.mark.parametrize("declared", [(63, 48), (64, 47), (48, 64)])
def test_film_may_not_be_larger_than_declared(declared: Field) -> None:
    with pytest.raises(ValueError, match=f"^a film is 64 x 48 pixels, but declares {declared[0]} x {declared[1]}$"):
        coded_pixels(film((64, 48), declared), "avif")


def test_film_of_another_codec_is_not_checked() -> None:
    assert coded_pixels(film((64, 48), (1, 1), kind=b"hvc1"), "avif") == 0


def test_film_whose_first_frame_has_no_size_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"^a film's first frame declares no size$"):
        coded_pixels(film(sized=False), "avif")


def test_every_track_of_a_film_is_checked() -> None:
    content, other = film((64, 48), (1, 1)), film((64, 48), (1, 1), kind=b"hvc1")
    tracks = [made[made.index(b"trak") - 4 :] for made in (other, content)]
    data = content[: content.index(b"moov") - 4]
    with pytest.raises(ValueError, match=r"^a film is 64 x 48 pixels, but declares 1 x 1$"):
        coded_pixels(data + box(b"moov", box(b"free"), *tracks), "avif")


@pytest.mark.parametrize("missing", [b"mdia", b"minf", b"stbl", b"stsd", b"stsz", b"stco"])
def test_film_that_lacks_a_table_is_an_error(missing: bytes) -> None:
    with pytest.raises(LookupError):
        coded_pixels(film().replace(missing, b"free"), "avif")


def test_largest_of_items_films_and_declared_sizes_counts() -> None:
    item = avif([unit(reduced(64, 48))], [ispe(64, 48)])
    assert coded_pixels(film((32, 24), (32, 24)) + ispe(30, 20), "avif") == 32 * 24
    assert coded_pixels(film((32, 24), (32, 24)) + ispe(30, 30), "avif") == 900
    assert coded_pixels(item + struct.pack(">I4s", 999, b"mdat") + b"cut", "avif") == 64 * 48
    with pytest.raises(ValueError, match="ends after the box that it is in"):
        coded_pixels(item + struct.pack(">I4s", 7, b"mdat"), "avif")
