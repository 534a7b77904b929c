"""The memory that a decode is reserved: exact numbers from headers."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from shared.images.decode_in_process import FORMATS
from shared.images.headers.decode_cost import (
    BYTES_PER_PIXEL,
    bytes_needed,
    bytes_per_pixel,
    coefficient_bytes,
    padded_pixels,
    pixels_held,
    webp_size,
)
from shared.images.headers.jpeg_scans import Scans
from tests.images.heif_parts import full, iinf, iloc, iprp, iref, ispe, meta
from tests.pictures import box, tiff


def webp(kind: bytes, rest: bytes, length: int = 30) -> bytes:
    """Return the beginning of a WebP, filled with ones that no size is read from."""
    return (b"RIFF\xff\xff\xff\xffWEBP" + kind + b"\xff" * 4 + rest).ljust(length, b"\xff")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (webp(b"VP8X", bytes(4) + b"\0\0\0\0\0\0"), (1, 1)),
        (webp(b"VP8X", b"\xff" * 4 + b"\x7f\2\0\xdf\1\0"), (640, 480)),
        (webp(b"VP8X", b"\xff" * 4 + b"\3\2\1\6\5\4"), (0x010204, 0x040507)),
        (webp(b"VP8X", b"\xff" * 10), (2**24, 2**24)),
        (webp(b"VP8L", b"\x2f" + struct.pack("<I", 639 | 479 << 14)), (640, 480)),
        (webp(b"VP8L", b"\x2f" + struct.pack("<I", 639 | 479 << 14 | 0xF << 28)), (640, 480)),
        (webp(b"VP8L", b"\x2f" + b"\xff" * 4), (16384, 16384)),
        (webp(b"VP8L", b"\x2f" + bytes(4)), (1, 1)),
        (webp(b"VP8 ", b"\x10\0\0\x9d\1\x2a" + struct.pack("<HH", 640, 480)), (640, 480)),
        (webp(b"VP8 ", b"\x10\0\0\x9d\1\x2a" + struct.pack("<HH", 640 | 1 << 14, 480 | 3 << 14)), (640, 480)),
        (webp(b"VP8 ", b"\xff" * 10), (16383, 16383)),
        (webp(b"VP8Y", bytes(14)), None),
        (webp(b"VP8X", bytes(9), 29), None),
        (b"RIFX" + webp(b"VP8X", bytes(10))[4:], None),
        (webp(b"VP8X", bytes(10)).replace(b"WEBP", b"WAVE"), None),
        (b"", None),
    ],
)
def test_webp_has_the_size_of_its_first_chunk(content: bytes, expected: tuple[int, int] | None) -> None:
    assert webp_size(content) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1, 1), 32 * 32), ((32, 64), 32 * 64), ((33, 64), 64 * 64), ((64, 65), 64 * 96), ((31, 97), 32 * 128)],
)
def test_pixels_are_padded_to_whole_blocks_in_either_direction(size: tuple[int, int], expected: int) -> None:
    assert padded_pixels(size) == expected


@pytest.mark.parametrize(("components", "counted"), [(0, 3), (1, 3), (3, 3), (4, 4)])
def test_coefficients_take_two_bytes_for_each_component(components: int, counted: int) -> None:
    held = Scans(components, is_progressive=False, number=1, is_held_whole=True)
    assert coefficient_bytes((40, 50), held) == 64 * 64 * 2 * counted
    assert coefficient_bytes((40, 50), Scans(components, is_progressive=True, number=1, is_held_whole=False)) == 0


@pytest.mark.parametrize(
    ("shrink_to_px", "expected"),
    [
        (None, 1_000 * 7 + 100 * 60 * 10),
        (61, 1_000 * 7 + 100 * 60 * 10),
        (60, 1_000 * 7 + 100 * 60 * 10),
        (31, 1_000 * 7 + 100 * 60 * 10),
        (30, 1_000 * 7 + 100 * 60 // 4 * 10),
        (20, 1_000 * 7 + 666 * 10),
        (1, 1_000 * 7 + 1 * 10),
    ],
)
def test_decode_needs_the_pixels_held_and_those_of_the_reduced_picture(shrink_to_px: int | None, expected: int) -> None:
    assert bytes_needed((100, 60), 1_000, 7, shrink_to_px) == expected
    assert bytes_needed((60, 100), 1_000, 7, shrink_to_px) == expected


def test_every_format_has_its_bytes_for_a_pixel() -> None:
    expected = {"jpeg": 2, "png": 8, "gif": 8, "bmp": 8, "tiff": 12, "webp": 17, "avif": 12, "heif": 8}
    assert expected == BYTES_PER_PIXEL
    assert set(expected) == {name.lower() for name in FORMATS}
    for name in ("jpeg", "png", "gif", "bmp", "tiff", "webp"):
        assert bytes_per_pixel(Image.new("RGBA", (1, 1)), name, b"av1C\x81\0\x40") == expected[name]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [((0x00,), 12), ((0xBF,), 12), ((0x40,), 17), ((0x0C, 0x4C), 17), ((0x4C, 0x0C), 17), ((), 12), ((0x0A,), 12)],
)
def test_avif_of_more_than_eight_bits_takes_more_bytes_for_a_pixel(flags: tuple[int, ...], expected: int) -> None:
    content = b"".join(box(b"av1C", b"\x81\x40", bytes([flag, 0])) for flag in flags)
    assert bytes_per_pixel(Image.new("RGB", (1, 1)), "avif", content) == expected
    assert bytes_per_pixel(Image.new("RGB", (1, 1)), "avif", content.replace(b"\x81", b"\x82")) == 12


@pytest.mark.parametrize(
    ("mode", "chroma", "bit_depth", "expected"),
    [
        ("RGB", 420, 8, 8),
        ("RGB", 420, 10, 8),
        ("RGB", 444, 8, 10),
        ("RGB", 422, 8, 10),
        ("RGB", 444, 9, 17),
        ("RGBA", 420, 8, 10),
        ("RGBA", 420, 12, 17),
        ("L", 400, None, 10),
        ("RGB", None, None, 10),
    ],
)
def test_heic_of_full_chroma_takes_more_bytes_for_a_pixel(
    mode: str, chroma: int | None, bit_depth: int | None, expected: int
) -> None:
    picture = Image.new(mode, (1, 1))
    picture.info = {key: value for key, value in (("chroma", chroma), ("bit_depth", bit_depth)) if value is not None}
    assert bytes_per_pixel(picture, "heif", b"av1C\x81\0\x40") == expected


def tiff_of_tile(width: int, length: int) -> Image.Image:
    """Return an opened TIFF of 60 x 50 pixels in a tile."""
    tags = ((256, 3, 1, 60), (257, 3, 1, 50), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1))
    tiles = ((322, 4, 1, width), (323, 4, 1, length), (324, 4, 1, 512), (325, 4, 1, width * length))
    return Image.open(io.BytesIO(tiff((*tags, *tiles), b"")))


@pytest.mark.parametrize(
    ("tile", "expected"), [((64, 64), 64 * 64), ((16, 16), 60 * 50), ((16, 192), 16 * 192), ((16, 176), 60 * 50)]
)
def test_tiff_holds_a_tile_that_is_larger_than_the_picture(tile: tuple[int, int], expected: int) -> None:
    assert pixels_held(tiff_of_tile(*tile), "tiff", b"") == expected


def test_picture_holds_its_pixels() -> None:
    for name in ("jpeg", "png", "webp", "gif", "bmp"):
        assert pixels_held(Image.new("RGB", (60, 50)), name, ispe(640, 480)) == 60 * 50


@pytest.mark.parametrize("name", ["avif", "heif"])
def test_heic_and_avif_hold_the_largest_declared_picture(name: str) -> None:
    picture = Image.new("RGB", (60, 50))
    assert pixels_held(picture, name, ispe(640, 480)) == 640 * 480
    assert pixels_held(picture, name, ispe(6, 5)) == 60 * 50
    kinds = {1: b"grid", 2: b"hvc1", 3: b"hvc1"}
    uses = {1: [1], 2: [2], 3: [2]}
    parts = (iinf(kinds), iloc({}), iprp([ispe(60, 50), ispe(64, 64)], uses), iref(b"dimg", 1, [2, 3]))
    assert pixels_held(picture, name, meta(*parts)) == 2 * 64 * 64


@pytest.mark.parametrize(
    "content",
    [
        ispe(640, 480) + struct.pack(">I4s", 7, b"meta"),
        ispe(640, 480) + full(b"meta", iinf({}), iinf({})),
        ispe(640, 480) + full(b"meta", full(b"iinf"), full(b"iloc")),
    ],
    ids=["a box that is too short", "a list twice", "lists that are cut short"],
)
def test_heic_that_is_broken_holds_what_it_declares_and_an_avif_is_an_error(content: bytes) -> None:
    """libheif refuses such a file itself."""
    assert pixels_held(Image.new("RGB", (60, 50)), "heif", content) == 640 * 480
    with pytest.raises((ValueError, LookupError)):
        pixels_held(Image.new("RGB", (60, 50)), "avif", content)
