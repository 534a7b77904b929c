"""Pictures of every mode become upright RGB: exact pixel values."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from shared.images.rgb import SIDEWAYS, TURNS, declared_white, orientation_of, read_white_is_zero, upright_rgb
from tests.pictures import Array, encoded, png, tiff

Colour = tuple[int, ...]
ORIENTATION = 0x0112


def shown(picture: Image.Image, shrink_to_px: int | None = None, white: int | None = None) -> list[list[Colour]]:
    """Return the colours of a picture's rows, as they are shown."""
    pixels, _ = upright_rgb(picture, None, shrink_to_px, white)
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    return [[tuple(colour) for colour in row] for row in pixels.tolist()]


def grey_shown(values: Iterable[float], dtype: type, white: int | None = None) -> tuple[list[int], str | None]:
    """Return how a row of deep grey is shown, and the note."""
    pixels, note = upright_rgb(Image.fromarray(np.array([list(values)], dtype)), None, None, white)
    assert (pixels[:, :, 0] == pixels[:, :, 1]).all()
    assert (pixels[:, :, 0] == pixels[:, :, 2]).all()
    return pixels[0, :, 0].tolist(), note


def note_of(bits: int, white: str) -> str:
    return f"The picture is grey of {bits} bits whose values go to {white}, which is shown as white."


@pytest.mark.parametrize(
    ("values", "expected", "white"),
    [
        ([0, 1, 255], [0, 0, 0], None),
        ([0, 8, 9, 256], [0, 0, 1, 16], "4,095"),
        ([0, 256, 2048, 4095], [0, 16, 128, 255], "4,095"),
        ([0, 255, 256, 4095, 4096], [0, 0, 1, 15, 16], None),
        ([511, 512, 65_279, 65_280, 65_535], [1, 2, 254, 255, 255], None),
    ],
)
def test_grey_of_16_bits_is_scaled_from_12_or_16_bits(
    values: list[int], expected: list[int], white: str | None
) -> None:
    assert grey_shown(values, np.uint16) == (expected, white and note_of(16, white))


@pytest.mark.parametrize(
    ("values", "expected", "white"),
    [
        ([0, 1, 128, 255], [0, 1, 128, 255], None),
        ([-7, 0, 254], [0, 0, 254], None),
        ([0, 8, 9, 256], [0, 0, 1, 16], "4,095"),
        ([2048, 4095], [128, 255], "4,095"),
        ([128, 129, 4096, 65_535], [0, 1, 16, 255], None),
        ([4096, 4096], [16, 16], None),
        ([65_536, 2**22, 2**23, 2**30, 2**31 - 1], [0, 0, 1, 128, 255], None),
        ([65_536], [0], None),
    ],
)
def test_grey_of_32_bits_is_scaled_from_the_least_scale_that_holds_it(
    values: list[int], expected: list[int], white: str | None
) -> None:
    assert grey_shown(values, np.int32) == (expected, white and note_of(32, white))


@pytest.mark.parametrize(
    ("values", "expected", "white"),
    [
        ([0, 0.25, 0.5, 1], [0, 64, 128, 255], None),
        ([-0.5, 0.001, 0.002], [0, 0, 1], None),
        ([0.4, 0.5, 1.5, 255], [0, 1, 2, 255], None),
        ([8, 9, 256], [0, 1, 16], "4,095"),
        ([4095, 2048], [255, 128], "4,095"),
        ([4096, 65_535], [16, 255], None),
        ([65_535, 65_536, 1e9], [255, 255, 255], None),
        ([np.nan, np.inf, -np.inf, 0.5, 1], [0, 0, 0, 128, 255], None),
    ],
)
def test_floating_point_grey_is_scaled_from_the_least_scale_that_holds_it(
    values: list[float], expected: list[int], white: str | None
) -> None:
    assert grey_shown(values, np.float32) == (expected, white and note_of(32, white))


@pytest.mark.parametrize(
    ("values", "declared", "expected", "white"),
    [
        ([0, 512, 1023], 1023, [0, 128, 255], "1,023"),
        ([0, 200], 1023, [0, 50], "1,023"),
        ([0, 1], 1023, [0, 0], "1,023"),
        ([0, 0], 1023, [0, 0], None),
        ([512, 1024], 1023, [32, 64], "4,095"),
        ([512, 5000], 1023, [2, 19], None),
        ([16_383, 8192], 16_383, [255, 128], "16,383"),
        ([65_535, 256], 65_535, [255, 1], "65,535"),
        ([4095], 4095, [255], "4,095"),
        ([0, 0], None, [0, 0], None),
    ],
)
def test_declared_white_is_white_where_no_pixel_is_brighter(
    values: list[int], declared: int | None, expected: list[int], white: str | None
) -> None:
    assert grey_shown(values, np.uint16, declared) == (expected, white and note_of(16, white))


@pytest.mark.parametrize("lines", [1, 63, 64, 65, 128, 200])
@pytest.mark.parametrize("brightest_line", [0, -1])
def test_every_line_of_a_deep_picture_is_scaled_alike(lines: int, brightest_line: int) -> None:
    values = np.full((lines, 2), 1000, np.uint16)
    values[brightest_line, 1] = 65_535
    pixels, _ = upright_rgb(Image.fromarray(values), None, None)
    expected = np.full((lines, 2), 3)
    expected[brightest_line, 1] = 255
    assert pixels[:, :, 1].tolist() == expected.tolist()


def test_deep_grey_is_read_in_either_byte_order() -> None:
    for mode, content in (("I;16B", b"\x0f\xff\x08\0"), ("I;16L", b"\xff\x0f\0\x08"), ("I;16", b"\xff\x0f\0\x08")):
        picture = Image.frombytes(mode, (2, 1), content)
        assert shown(picture) == [[(255,) * 3, (128,) * 3]]
        assert upright_rgb(picture, None, None)[1] == note_of(16, "4,095")


def deep_tiff(samples: Array, photometric: int, more: tuple[tuple[int, int, int, int], ...] = ()) -> Image.Image:
    """Return an opened TIFF of deep grey."""
    height, width = samples.shape
    kind = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    size = ((256, 3, 1, width), (257, 3, 1, height), (258, 3, 1, 8 * samples.dtype.itemsize), (259, 3, 1, 1))
    where = ((262, 3, 1, photometric), (273, 4, 1, 512), (277, 3, 1, 1), (278, 3, 1, height))
    tags = (*size, *where, (279, 4, 1, samples.nbytes), *more, (339, 3, 1, kind))
    return Image.open(io.BytesIO(tiff(tags, samples.tobytes())))


@pytest.mark.parametrize("dtype", ["<u2", "<i4", "<f4"])
def test_deep_tiff_whose_zero_is_white_is_inverted(dtype: str) -> None:
    read_white_is_zero(TiffImagePlugin.OPEN_INFO)
    samples = np.array([[0, 256, 4095]], dtype)
    assert shown(deep_tiff(samples, 1)) == [[(0,) * 3, (16,) * 3, (255,) * 3]]
    assert shown(deep_tiff(samples, 0)) == [[(255,) * 3, (239,) * 3, (0,) * 3]]


def test_tiffs_whose_zero_is_white_are_opened_like_those_whose_zero_is_black() -> None:
    table: dict[Any, Any] = {
        (b"II", 1, (1,), 1, (16,), ()): ("I;16", "I;16"),
        (b"MM", 1, (1,), 1, (16,), ()): ("I;16B", "I;16B"),
        (b"II", 1, (2,), 1, (32,), ()): ("I", "I;32S"),
        (b"II", 1, (3,), 1, (32,), ()): ("F", "F;32F"),
        (b"II", 1, (1,), 1, (12,), ()): ("I;16", "I;12"),
        (b"II", 0, (1,), 1, (12,), ()): ("I;16", "known already"),
        (b"II", 1, (1,), 1, (8,), ()): ("L", "L"),
        (b"II", 2, (1,), 1, (64,), ()): ("I", "another photometric interpretation"),
    }
    before = dict(table)
    read_white_is_zero(table)
    assert table == before | {
        (b"II", 0, (1,), 1, (16,), ()): ("I;16", "I;16"),
        (b"MM", 0, (1,), 1, (16,), ()): ("I;16B", "I;16B"),
        (b"II", 0, (2,), 1, (32,), ()): ("I", "I;32S"),
        (b"II", 0, (3,), 1, (32,), ()): ("F", "F;32F"),
    }
    once = dict(table)
    read_white_is_zero(table)
    assert table == once


SIXTEEN = np.array([[0, 1, 2]], "<u2")


@pytest.mark.parametrize(
    ("bits", "expected"),
    [(8, None), (9, 511), (10, 1023), (12, 4095), (14, 16_383), (15, 32_767), (16, None), (17, None), (32, None)],
)
def test_tiff_declares_white_by_its_bits_where_they_are_fewer_than_16(bits: int, expected: int | None) -> None:
    picture = deep_tiff(SIXTEEN, 1)
    assert isinstance(picture, TiffImagePlugin.TiffImageFile)
    picture.tag_v2[258] = (bits,)
    assert declared_white(picture, b"") == expected


@pytest.mark.parametrize(("value", "expected"), [(1, 1), (1023, 1023), (16_383, 16_383), (65_535, 65_535), (0, None)])
def test_tiff_declares_white_by_its_largest_value(value: int, expected: int | None) -> None:
    assert declared_white(deep_tiff(SIXTEEN, 1, ((281, 3, 1, value),)), b"") == expected


def test_largest_value_of_a_tiff_goes_before_its_bits() -> None:
    picture = deep_tiff(SIXTEEN, 1, ((281, 3, 1, 1000),))
    assert isinstance(picture, TiffImagePlugin.TiffImageFile)
    picture.tag_v2[258] = (12,)
    assert declared_white(picture, b"") == 1000


@pytest.mark.parametrize("value", [(), 3.5, "text", None])
def test_largest_value_of_a_tiff_that_is_no_integer_does_not_count(value: object) -> None:
    picture = deep_tiff(SIXTEEN, 1)
    assert isinstance(picture, TiffImagePlugin.TiffImageFile)
    picture.tag_v2._tags_v2[281] = value
    assert declared_white(picture, b"") is None


def white_of_png(*chunks: tuple[bytes, bytes], samples: Array = SIXTEEN) -> int | None:
    content = png(samples, chunks=chunks)
    return declared_white(Image.open(io.BytesIO(content)), content)


@pytest.mark.parametrize(
    ("bits", "expected"),
    [(0, None), (1, None), (2, 3), (3, 7), (8, 255), (12, 4095), (15, 32_767), (16, None), (17, None), (255, None)],
)
def test_png_declares_white_by_its_significant_bits(bits: int, expected: int | None) -> None:
    assert white_of_png((b"sBIT", bytes([bits]))) == expected
    assert white_of_png((b"gAMA", bytes(4)), (b"sBIT", bytes([bits])), (b"tEXt", b"a\0b")) == expected


@pytest.mark.parametrize("data", [b"", b"\x0c\x0c", b"\x0c\x0c\x0c", b"\x0c\x0c\x0c\x0c"])
def test_significant_bits_of_several_channels_do_not_count(data: bytes) -> None:
    assert white_of_png((b"sBIT", data)) is None


def test_significant_bits_count_only_before_the_pixels_of_a_deep_png() -> None:
    content = png(SIXTEEN, tail=b"\0\0\0\x01sBIT\x0cxxxx")
    assert declared_white(Image.open(io.BytesIO(content)), content) is None
    assert white_of_png((b"sBIT", b"\x0c"), samples=np.zeros((1, 1), np.uint8)) is None
    assert white_of_png() is None
    other = Image.fromarray(SIXTEEN)
    assert other.mode == "I;16"
    assert declared_white(other, png(SIXTEEN, chunks=((b"sBIT", b"\x0c"),))) is None


def test_picture_of_eight_bits_declares_no_white() -> None:
    content = encoded(np.zeros((1, 1), np.uint8), "TIFF", tiffinfo={281: 15})
    assert declared_white(Image.open(io.BytesIO(content)), content) is None


NUMBERED = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (2, NUMBERED[:, ::-1]),
        (3, NUMBERED[::-1, ::-1]),
        (4, NUMBERED[::-1]),
        (5, NUMBERED.transpose(1, 0, 2)),
        (6, NUMBERED[::-1].transpose(1, 0, 2)),
        (7, NUMBERED[::-1, ::-1].transpose(1, 0, 2)),
        (8, NUMBERED[:, ::-1].transpose(1, 0, 2)),
    ],
)
def test_picture_is_turned_upright(orientation: int, expected: Array) -> None:
    pixels, note = upright_rgb(Image.fromarray(NUMBERED), TURNS[orientation], None)
    assert (pixels.tolist(), note) == (expected.tolist(), None)
    assert (TURNS[orientation] in SIDEWAYS) is (orientation in (5, 6, 7, 8))


def test_upright_picture_is_not_turned() -> None:
    pixels, note = upright_rgb(Image.fromarray(NUMBERED), None, None)
    assert (pixels.tolist(), note) == (NUMBERED.tolist(), None)
    assert 1 not in TURNS
    assert None not in SIDEWAYS


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 1), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8), (9, 1), (65_535, 1), ("6", 1), ([6], 1)],
)
def test_orientation_is_one_of_eight(value: object, expected: int) -> None:
    picture = Image.new("RGB", (1, 1))
    picture.getexif()[ORIENTATION] = value
    assert orientation_of(picture) == expected


def test_orientation_of_a_picture_without_exif_or_with_broken_exif_is_1() -> None:
    assert orientation_of(Image.new("RGB", (1, 1))) == 1
    picture = Image.new("RGB", (1, 1))
    picture.info["exif"] = b"Exif\0\0broken"
    assert orientation_of(picture) == 1


@pytest.mark.parametrize(
    ("mode", "stored", "expected"),
    [
        ("RGB", (10, 20, 30), (10, 20, 30)),
        ("L", 77, (77, 77, 77)),
        ("1", 1, (255, 255, 255)),
        ("1", 0, (0, 0, 0)),
        ("CMYK", (0, 0, 0, 0), (255, 255, 255)),
        ("CMYK", (255, 0, 0, 0), (0, 255, 255)),
        ("CMYK", (0, 0, 255, 0), (255, 255, 0)),
        ("CMYK", (0, 0, 0, 155), (100, 100, 100)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),
        ("LA", (77, 255), (77, 77, 77)),
        ("LA", (77, 0), (255, 255, 255)),
        ("LA", (0, 51), (204, 204, 204)),
        ("RGBa", (0, 0, 0, 51), (204, 204, 204)),
        ("YCbCr", (90, 128, 128), (90, 90, 90)),
        ("RGBX", (10, 20, 30, 0), (10, 20, 30)),
    ],
)
@pytest.mark.parametrize("shrink_to_px", [None, 2])
def test_mode_becomes_rgb_and_transparency_white(
    mode: str, stored: Any, expected: Colour, shrink_to_px: int | None
) -> None:
    size = 1 if shrink_to_px is None else 4
    assert shown(Image.new(mode, (size, size), stored), shrink_to_px) == [[expected] * -(-size // 2)] * -(-size // 2)


def palette(*indexes: int, transparency: int | bytes | None = None) -> Image.Image:
    """Return a square picture of black (0), red (1) and white (200)."""
    side = round(len(indexes) ** 0.5)
    picture = Image.frombytes("P", (side, side), bytes(indexes))
    colours = bytearray(768)
    colours[3:6], colours[600:603] = b"\xff\0\0", b"\xff\xff\xff"
    picture.putpalette(bytes(colours))
    if transparency is not None:
        picture.info["transparency"] = transparency
    return picture


def test_palette_becomes_rgb_before_it_is_reduced() -> None:
    assert shown(palette(1)) == [[(255, 0, 0)]]
    assert shown(palette(0, 200, 0, 200), 1) == [[(128, 128, 128)]]
    assert shown(palette(0, 1, 0, 1), 1) == [[(128, 0, 0)]]


def test_transparent_entry_of_a_palette_becomes_white() -> None:
    assert shown(palette(1, transparency=1)) == [[(255, 255, 255)]]
    assert shown(palette(1, transparency=0)) == [[(255, 0, 0)]]
    assert shown(palette(1, transparency=b"\xff\x33")) == [[(255, 204, 204)]]
    assert shown(palette(0, 1, 0, 1, transparency=1), 1) == [[(128, 128, 128)]]


def test_transparent_palette_with_alpha_becomes_white() -> None:
    picture = palette(1, 1, 0, 0).convert("PA")
    picture.putalpha(Image.frombytes("L", (2, 2), b"\xff\0\xff\0"))
    assert shown(picture) == [[(255, 0, 0), (255, 255, 255)], [(0, 0, 0), (255, 255, 255)]]


def test_transparent_colour_becomes_white_before_it_is_reduced() -> None:
    rgb = Image.fromarray(np.array([[[0, 0, 9], [0, 0, 0]], [[0, 0, 9], [0, 0, 0]]], np.uint8))
    rgb.info["transparency"] = (0, 0, 9)
    assert shown(rgb) == [[(255,) * 3, (0,) * 3]] * 2
    assert shown(rgb, 1) == [[(128,) * 3]]
    grey = Image.fromarray(np.array([[9, 0], [9, 0]], np.uint8))
    grey.info["transparency"] = 9
    assert shown(grey) == [[(255,) * 3, (0,) * 3]] * 2
    assert shown(grey, 1) == [[(128,) * 3]]


@pytest.mark.parametrize(
    ("size", "shrink_to_px", "expected"),
    [
        ((6, 4), None, (6, 4)),
        ((6, 4), 5, (6, 4)),
        ((6, 4), 4, (6, 4)),
        ((6, 4), 3, (6, 4)),
        ((6, 4), 2, (3, 2)),
        ((4, 6), 2, (2, 3)),
        ((6, 4), 1, (2, 1)),
        ((100, 31), 10, (34, 11)),
        ((100, 29), 10, (50, 15)),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "I;16", "P", "CMYK", "LA"])
def test_picture_is_reduced_by_the_largest_whole_factor_that_leaves_the_edge(
    mode: str, size: tuple[int, int], shrink_to_px: int | None, expected: tuple[int, int]
) -> None:
    pixels, _ = upright_rgb(Image.new(mode, size), None, shrink_to_px)
    assert pixels.shape == (expected[1], expected[0], 3)


def test_reduced_pixel_is_the_mean_of_its_block() -> None:
    values = np.array([[0, 100, 10, 10], [100, 200, 10, 30]], np.uint8)
    assert shown(Image.fromarray(values), 1) == [[(100,) * 3, (15,) * 3]]
    assert shown(Image.fromarray(values.astype(np.uint16) * 257), 1) == [[(100,) * 3, (15,) * 3]]
