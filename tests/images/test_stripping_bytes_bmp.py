"""Stripping a BMP: which bytes of tiny files stay, which become zero, and where a file ends, byte by byte."""

from __future__ import annotations

import struct

import pytest

from shared.images.metadata.bmp import MAX_CODED_BYTES, strip_bmp


def bmp(
    pixels: bytes,
    *,
    width: int = 1,
    height: int = 1,
    bits: int = 8,
    compression: int = 0,
    colours: int = 0,
    size: int = 40,
    table: bytes = b"",
    gap: bytes = b"",
    unused: bytes = bytes(4),
    length: int | None = None,
) -> bytes:
    """Return a BMP: 14 bytes, a header of ``size`` bytes, its masks and palette, a gap, and pixels."""
    if size == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, 7, 8, 9, colours, 5)
        head += b"h" * (size - 40)
    offset = 14 + len(head) + len(table) + len(gap)
    whole = offset + len(pixels)
    return (
        b"BM" + struct.pack("<I", whole if length is None else length) + unused + struct.pack("<I", offset)
        + head + table + gap + pixels
    )  # fmt: skip


def palette(colours: int, last: bytes = b"\0") -> bytes:
    return b"".join(b"bgr" + last for _ in range(colours))


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_a_palette_of_no_declared_number_has_all_colours_of_the_depth(bits: int) -> None:
    full = 1 << bits
    told = bmp(b"\x80\0\0\0", bits=bits, table=palette(full, b"A"), gap=b"Ada", unused=b"Lady")
    assert strip_bmp(told) == bmp(b"\x80\0\0\0", bits=bits, table=palette(full), gap=bytes(3))


@pytest.mark.parametrize(("declared", "kept"), [(0, 16), (1, 1), (2, 2), (15, 15), (16, 16), (17, 16), (1 << 31, 16)])
def test_a_palette_has_the_declared_colours_and_at_most_those_of_the_depth(declared: int, kept: int) -> None:
    told = bmp(bytes(4), bits=4, colours=declared, table=palette(20, b"A"))
    bare = bmp(bytes(4), bits=4, colours=declared, table=palette(kept), gap=bytes(4 * (20 - kept)))
    assert strip_bmp(told) == bare


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_a_picture_of_more_than_256_colours_has_no_palette(bits: int) -> None:
    told = bmp(bytes(4), bits=bits, colours=2, table=palette(2, b"A"))
    assert strip_bmp(told) == bmp(bytes(4), bits=bits, colours=2, table=bytes(8))


def test_a_palette_that_the_pixels_overlap_loses_its_fourth_bytes_up_to_the_pixels() -> None:
    told = bmp(b"ABCD" * 2, width=8, bits=8, table=palette(2, b"A"))
    assert strip_bmp(told) == bmp(b"ABCD" * 2, width=8, bits=8, table=palette(2))


def test_the_header_of_os2_has_colours_of_three_bytes() -> None:
    told = bmp(b"\x80Ada", bits=1, size=12, table=b"bgrBGR", gap=b"Ada", unused=b"Lady", length=9)
    assert strip_bmp(told) == bmp(b"\x80\0\0\0", bits=1, size=12, table=b"bgrBGR", gap=bytes(3))
    wide = bmp(bytes(8), width=8, bits=8, size=12, table=b"bgr" * 256, gap=b"Ada")
    assert strip_bmp(wide) == bmp(bytes(8), width=8, bits=8, size=12, table=b"bgr" * 256, gap=bytes(3))


@pytest.mark.parametrize("size", [40, 52, 56, 108, 124])
def test_a_header_stays_up_to_what_decoders_read_of_it(size: int) -> None:
    """Masks are read only where the pixels are declared to have some."""
    raw = bmp(bytes(4), bits=24, size=size, gap=b"Ada")
    assert strip_bmp(raw) == bmp(bytes(4), bits=24, size=size, gap=bytes(3)).replace(
        b"h" * (size - 40), bytes(size - 40)
    )
    fields = bmp(b"abcd", bits=32, compression=3, size=size, table=b"m" * 12 if size == 40 else b"", gap=b"Ada")
    kept = min(size - 40, 16)
    assert strip_bmp(fields) == fields.replace(b"h" * (size - 40), b"h" * kept + bytes(size - 40 - kept)).replace(
        b"Ada", bytes(3)
    )


def test_masks_are_part_of_no_other_picture() -> None:
    raw = bmp(b"abc\0", bits=24, compression=0, table=b"m" * 12)
    assert strip_bmp(raw) == bmp(b"abc\0", bits=24, compression=0, table=bytes(12))


@pytest.mark.parametrize(
    ("width", "bits", "line", "kept"),
    [
        (1, 1, b"\xff\xff\xff\xff", b"\x80\0\0\0"),
        (7, 1, b"\xff\xff\xff\xff", b"\xfe\0\0\0"),
        (8, 1, b"\xff\xff\xff\xff", b"\xff\0\0\0"),
        (9, 1, b"\xff\xff\xff\xff", b"\xff\x80\0\0"),
        (32, 1, b"\xff\xff\xff\xff", b"\xff\xff\xff\xff"),
        (33, 1, b"\xff" * 8, b"\xff" * 4 + b"\x80\0\0\0"),
        (1, 4, b"\xff\xff\xff\xff", b"\xf0\0\0\0"),
        (2, 4, b"\xff\xff\xff\xff", b"\xff\0\0\0"),
        (8, 4, b"\xff\xff\xff\xff", b"\xff\xff\xff\xff"),
        (1, 8, b"\xff\xff\xff\xff", b"\xff\0\0\0"),
        (5, 8, b"\xff" * 8, b"\xff" * 5 + b"\0\0\0"),
        (1, 16, b"\xff\xff\xff\xff", b"\xff\xff\0\0"),
        (2, 16, b"\xff\xff\xff\xff", b"\xff\xff\xff\xff"),
        (1, 24, b"\xff\xff\xff\xff", b"\xff\xff\xff\0"),
        (2, 24, b"\xff" * 8, b"\xff" * 6 + b"\0\0"),
        (1, 32, b"\xff\xff\xff\xff", b"\xff\xff\xff\0"),
        (2, 32, b"\xff" * 8, b"\xff\xff\xff\0\xff\xff\xff\0"),
    ],
)
@pytest.mark.parametrize("height", [1, 3, -2])
def test_padding_of_lines_and_pixels_becomes_zero_and_what_follows_goes(
    width: int, bits: int, line: bytes, kept: bytes, height: int
) -> None:
    number = abs(height)
    told = bmp(line * number + b"Ada", width=width, height=height, bits=bits, colours=1, table=palette(1))
    bare = bmp(kept * number, width=width, height=height, bits=bits, colours=1, table=palette(1 if bits <= 8 else 0))
    if bits > 8:
        bare = bmp(kept * number, width=width, height=height, bits=bits, colours=1, table=bytes(4))
    assert strip_bmp(told) == bare
    with pytest.raises(ValueError, match=r"^its pixels end after the file$"):
        strip_bmp(told[:-4])


def test_a_width_is_read_without_its_sign() -> None:
    told = bmp(b"\xff" * 4, width=-2, bits=8, colours=1, table=palette(1))
    assert strip_bmp(told)[-4:] == b"\xff\xff\0\0"


def test_the_fourth_byte_of_a_pixel_with_masks_stays() -> None:
    whole = bmp(b"abcd", bits=32, compression=3, table=b"m" * 12)
    assert strip_bmp(whole) == whole


RUNS = [
    (1, b"\x05\x07\0\1"),
    (1, b"\x05\x07\0\0\x05\x07\0\1"),
    (1, b"\0\2\x05\0\x05\x07\0\1"),
    (1, b"\0\2\0\1\0\1"),
    (1, b"\0\3\1\2\3\0\0\1"),
    (1, b"\0\4\0\1\0\1\0\1"),
    (1, b"\0\5\0\1\0\1\1\0\0\1"),
    (2, b"\0\3\0\1\0\1"),
    (2, b"\0\5\0\1\1\0\0\1"),
    (2, b"\0\x08\0\1\0\1\0\1"),
    (2, b"\0\x09\0\1\0\1\1\0\0\1"),
    (2, b"\x01\x01\0\1"),
]
"""Coded pixels to their end mark: runs, an end of a line, a jump, and pixels as they are, padded to an even length."""


@pytest.mark.parametrize(("compression", "coded"), RUNS)
def test_runs_end_with_their_end_mark(compression: int, coded: bytes) -> None:
    bits = {1: 8, 2: 4}[compression]
    whole, told = (
        bmp(coded + more, bits=bits, compression=compression, colours=1, table=palette(1))
        for more in (b"", b"Ada Lovelace\0\1")
    )
    assert strip_bmp(whole) == whole
    assert strip_bmp(told) == whole
    cut = bmp(coded[:-1], bits=bits, compression=compression, colours=1, table=palette(1))
    assert strip_bmp(cut) == cut


def test_runs_are_searched_up_to_their_limit() -> None:
    coded = b"\1\1" * (MAX_CODED_BYTES // 2)
    assert len(coded) == 4 << 20
    most = bmp(b"\0\1" + coded[2:], compression=1, colours=1, table=palette(1))
    assert strip_bmp(most) == bmp(b"\0\1", compression=1, colours=1, table=palette(1))
    with pytest.raises(ValueError, match=r"^it has too many runs$"):
        strip_bmp(bmp(b"\0\1" + coded[1:], compression=1, colours=1, table=palette(1)))


@pytest.mark.parametrize("length", [14, 17, 20, 33, 49])
def test_a_file_that_ends_within_its_header_is_refused(length: int) -> None:
    with pytest.raises(struct.error):
        strip_bmp(bmp(bytes(4), bits=24)[:length])
