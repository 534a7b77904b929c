"""A whole file of an unsupported format is named; a broken or truncated file is not."""

from __future__ import annotations

import struct

import pytest

from shared.images.headers.unsupported_formats import unsupported_format
from tests.pictures import box, tiff

RAW = "a camera's RAW file"

BEGIN_WITH: dict[str, tuple[bytes, ...]] = {
    "a JPEG XL file": (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"),
    "a JPEG 2000 file": (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
    RAW: (
        b"FUJIFILMCCD-RAW",
        box(b"ftyp", b"crx "),
        b"\n\n\n\nftypcrx ",
        *(b"IIU\0", b"IIRO", b"IIRS", b"II\x1a\0\0\0HEAPCCDR", b"MMOR", b"\0MRM", b"FOVb"),
        *(b"II*\0\x10\0\0\0CR", b"II*\0\n\n\n\nCR"),
    ),
    "a Photoshop file": (b"8BPS",),
    "a DICOM file": (bytes(128) + b"DICM", b"\n" * 128 + b"DICM"),
    "a PNG as Xcode writes it for iOS (CgBI)": (b"\x89PNG\r\n\x1a\n\0\0\0\x04CgBI", b"\x89PNG\r\n\x1a\n\n\n\n\nCgBI"),
}


@pytest.mark.parametrize(
    ("name", "beginning"), [(name, beginning) for name, all_of in BEGIN_WITH.items() for beginning in all_of]
)
@pytest.mark.parametrize("is_opened", [False, True])
def test_format_is_named_by_its_first_bytes(name: str, beginning: bytes, is_opened: bool) -> None:
    assert unsupported_format(beginning, is_opened=is_opened) == name
    assert unsupported_format(beginning + b"the rest", is_opened=is_opened) == name
    assert unsupported_format(b"x" + beginning, is_opened=is_opened) is None
    assert unsupported_format(beginning[:-1], is_opened=is_opened) is None


@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF"])
def test_other_bytes_have_no_name(content: bytes) -> None:
    assert unsupported_format(content, is_opened=False) is None
    assert unsupported_format(content, is_opened=True) is None


Tags = dict[int, int]
GREY: Tags = {256: 8, 257: 4, 258: 8, 259: 1, 262: 1, 273: 512, 277: 1, 278: 4, 279: 32}
"""The tags of a TIFF of 8 x 4 pixels of grey, in a strip at byte 512."""


def tiff_of(changes: Tags, data: bytes = bytes(32), without: tuple[int, ...] = ()) -> bytes:
    tags = {tag: value for tag, value in {**GREY, **changes}.items() if tag not in without}
    return tiff(tuple((tag, 4, 1, value) for tag, value in sorted(tags.items())), data)


DECODED = (1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34925, 50000)


@pytest.mark.parametrize("compression", DECODED)
def test_tiff_that_was_opened_and_has_a_known_compression_is_broken(compression: int) -> None:
    content = tiff_of({259: compression})
    assert unsupported_format(content, is_opened=True) is None
    name = f"a TIFF of 1 bands of 8 bits, compression {compression}, photometric 1"
    assert unsupported_format(content, is_opened=False) == name


@pytest.mark.parametrize("compression", [0, 9, 10, 32772, 32774, 32945, 32947, 34712, 34924, 34926, 49999, 50001])
def test_tiff_of_an_unknown_compression_is_named(compression: int) -> None:
    for is_opened in (False, True):
        name = f"a TIFF of 1 bands of 8 bits, compression {compression}, photometric 1"
        assert unsupported_format(tiff_of({259: compression}), is_opened=is_opened) == name


def test_name_of_a_tiff_has_its_bands_its_bits_and_how_it_is_coded() -> None:
    content = tiff_of({258: 16, 259: 9, 262: 6, 277: 5})
    name = "a TIFF of 5 bands of 16 bits, compression 9, photometric 6"
    assert unsupported_format(content, is_opened=True) == name
    bare = tiff_of({}, without=(258, 259, 262, 277))
    assert unsupported_format(bare, is_opened=False) == "a TIFF of 1 bands of 1 bits, compression 1, photometric 1"


@pytest.mark.parametrize(("missing", "is_whole"), [(-1, True), (0, True), (1, False), (32, False)])
def test_tiff_that_is_truncated_is_not_named(missing: int, is_whole: bool) -> None:
    content = tiff_of({259: 9}, bytes(32 - missing))
    assert (unsupported_format(content, is_opened=True) is not None) is is_whole


@pytest.mark.parametrize("at", [0, 512, 543])
def test_tiff_whose_strip_begins_in_the_file_and_ends_behind_it_is_not_named(at: int) -> None:
    assert unsupported_format(tiff_of({259: 9, 273: at, 279: 544 - at}), is_opened=True) is not None
    assert unsupported_format(tiff_of({259: 9, 273: at, 279: 545 - at}), is_opened=True) is None


def of_parts(offsets: int, lengths: int, ends: tuple[int, ...], number_of_lengths: int | None = None) -> bytes:
    """Return a TIFF of an unknown compression in several strips or tiles, which end at bytes of the file."""
    count = len(ends) if number_of_lengths is None else number_of_lengths
    tags = {tag: value for tag, value in GREY.items() if tag not in (273, 279)} | {259: 9}
    at = 512 + 4 * len(ends)
    entries = [(tag, 4, 1, value) for tag, value in tags.items()]
    entries += [(offsets, 4, len(ends), 512), (lengths, 4, count, at)]
    data = b"".join(struct.pack("<I", end - 10) for end in ends) + struct.pack("<I", 10) * count
    return tiff(tuple(sorted(entries)), data.ljust(512, b"\0"))


@pytest.mark.parametrize(("offsets", "lengths"), [(273, 279), (324, 325)])
def test_every_strip_and_tile_of_a_tiff_must_be_whole(offsets: int, lengths: int) -> None:
    name = "a TIFF of 1 bands of 8 bits, compression 9, photometric 1"
    for ends, is_whole in (((600, 1024), True), ((1024, 600), True), ((600, 1025), False), ((1025, 600), False)):
        expected = name if is_whole else None
        assert unsupported_format(of_parts(offsets, lengths, ends), is_opened=True) == expected
    assert unsupported_format(of_parts(offsets, lengths, (600, 700, 800), 2), is_opened=True) is None


def test_tiff_without_strips_is_not_named() -> None:
    assert unsupported_format(tiff_of({259: 9}, without=(273, 279)), is_opened=True) is None


@pytest.mark.parametrize("is_opened", [False, True])
@pytest.mark.parametrize(
    ("changes", "is_raw"),
    [
        ({50706: 0x401}, True),
        ({50705: 0x401}, False),
        ({262: 32803}, True),
        ({262: 34892}, True),
        ({262: 32802}, False),
        ({262: 34893}, False),
        ({271: 0, 330: 8}, True),
        ({271: 0}, False),
        ({330: 8}, False),
    ],
)
def test_tiff_of_a_camera_is_named_even_if_it_is_truncated(changes: Tags, is_raw: bool, is_opened: bool) -> None:
    assert (unsupported_format(tiff_of(changes, b""), is_opened=is_opened) == RAW) is is_raw


@pytest.mark.parametrize(
    "content", [b"II*\0", b"MM\0*", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\1\0", b"II+\0\x08\0\0\0"]
)
def test_tiff_whose_directory_cannot_be_read_is_not_named(content: bytes) -> None:
    assert unsupported_format(content, is_opened=False) is None


@pytest.mark.parametrize("entry", [(262, 99, 1, 1), (262, 4, 0, 1), (259, 4, 0, 1), (277, 99, 1, 1), (258, 4, 0, 1)])
def test_tiff_with_a_tag_of_an_unknown_type_or_without_values_is_not_named(entry: tuple[int, int, int, int]) -> None:
    tags = GREY | {259: 9}
    entries = [(tag, 4, 1, value) for tag, value in tags.items() if tag != entry[0]]
    content = tiff(tuple(sorted([*entries, entry])), bytes(32))
    assert unsupported_format(content, is_opened=False) is None


def bmp(compression: int, size: tuple[int, int] = (5, -3), bits: int = 16, rest: int = 36, head: int = 40) -> bytes:
    """Return a BMP whose pixels begin at byte 54."""
    return struct.pack("<2sIHHIIiiHHI", b"BM", 0, 0, 0, 54, head, *size, 1, bits, compression).ljust(54, b"\0") + bytes(
        rest
    )


@pytest.mark.parametrize("compression", [0, 1, 2])
def test_bmp_of_a_plain_compression_is_broken(compression: int) -> None:
    assert unsupported_format(bmp(compression), is_opened=False) is None


@pytest.mark.parametrize(
    ("size", "bits", "needed"),
    [
        ((5, 3), 16, 12 * 3),
        ((5, -3), 16, 12 * 3),
        ((-5, 3), 16, 12 * 3),
        ((4, 2), 16, 8 * 2),
        ((3, 5), 24, 12 * 5),
        ((33, 2), 1, 8 * 2),
        ((32, 2), 1, 4 * 2),
        ((1, 1), 32, 4),
    ],
)
def test_bmp_of_bit_fields_is_named_where_its_pixels_are_whole(size: tuple[int, int], bits: int, needed: int) -> None:
    name = f"a BMP of {bits} bits, compression 3"
    assert unsupported_format(bmp(3, size, bits, needed), is_opened=False) == name
    assert unsupported_format(bmp(3, size, bits, needed + 1), is_opened=True) == name
    assert unsupported_format(bmp(3, size, bits, needed - 1), is_opened=False) is None


@pytest.mark.parametrize("compression", [4, 5, 6, 11])
def test_bmp_of_a_packed_compression_is_named_whatever_its_length(compression: int) -> None:
    expected = f"a BMP of 16 bits, compression {compression}"
    assert unsupported_format(bmp(compression, rest=0), is_opened=False) == expected
    assert unsupported_format(bmp(compression), is_opened=False) == expected


def test_bmp_with_an_old_or_a_cut_header_is_not_named() -> None:
    assert unsupported_format(bmp(4, head=39), is_opened=False) is None
    assert unsupported_format(bmp(4, head=12), is_opened=False) is None
    assert unsupported_format(bmp(4, head=41), is_opened=False) == "a BMP of 16 bits, compression 4"
    assert unsupported_format(bmp(4)[:34], is_opened=False) == "a BMP of 16 bits, compression 4"
    assert unsupported_format(bmp(4)[:33], is_opened=False) is None
