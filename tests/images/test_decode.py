"""Decoding: every format, upright, in RGB, within limits; a hostile file is only refused."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from shared.bundles.manifest import InputSpec
from shared.errors import Busy, DamagedImage, NotAnImage, Permanent, TooManyBytes, TooManyPixels
from shared.images.decode import (
    CONTENT_TYPES,
    EXTENSIONS,
    Limits,
    check_size,
    decode,
)
from shared.images.headers.jpeg_scans import MAX_SCANS
from shared.images.memory_budget import MemoryBudget
from shared.inference.classifier import prepare
from tests.pictures import (
    COLOURED,
    CORNERS,
    GREY,
    HEIGHT,
    WIDTH,
    Array,
    corners_of,
    encoded,
    grey_of,
    oriented,
    png,
    png_chunk,
    scene,
    smooth,
    tiff,
    with_giant_header,
)

# pytest makes an error of every warning in its own filters, which replace those that decode sets on import.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

ROOT = Path(__file__).parents[2]
LIMITS = Limits()
EVERYTHING = {**COLOURED, **GREY}
TURNED_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF")
"""Those that have EXIF."""


def assert_shows(pixels: Array, expected: tuple[tuple[int, ...], ...], tolerance: int = 6) -> None:
    np.testing.assert_allclose(corners_of(pixels), expected, atol=tolerance)


@pytest.mark.parametrize("kind", COLOURED)
def test_decode_reads_every_formats_colours_and_first_frame(kind: str) -> None:
    format, file = COLOURED[kind]
    image = decode(file(), LIMITS)
    assert (image.format, image.width_px, image.height_px) == (format, WIDTH, HEIGHT)
    assert (image.pixels.shape, image.pixels.dtype) == ((HEIGHT, WIDTH, 3), np.dtype(np.uint8))
    assert_shows(image.pixels, CORNERS)


@pytest.mark.parametrize("kind", GREY)
def test_decode_keeps_the_tones_of_grey_at_any_depth(kind: str) -> None:
    format, file = GREY[kind]
    image = decode(file(), LIMITS)
    assert (image.format, image.pixels.shape) == (format, (HEIGHT, WIDTH, 3))
    assert_shows(image.pixels, tuple(grey_of(corner) for corner in CORNERS))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", TURNED_FORMATS)
@pytest.mark.parametrize("shrink_to_px", [None, 24])
def test_decode_turns_a_picture_by_its_exif(format: str, orientation: int, shrink_to_px: int | None) -> None:
    image = decode(oriented(scene(), format, orientation), LIMITS, shrink_to_px=shrink_to_px)
    assert (image.width_px, image.height_px) == (WIDTH, HEIGHT)
    assert image.pixels.shape[:2] == ((HEIGHT, WIDTH) if shrink_to_px is None else (HEIGHT // 2, WIDTH // 2))
    assert_shows(image.pixels, CORNERS, tolerance=12)


def test_decode_turns_a_jpeg_of_several_pictures() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    others = [Image.new("RGB", (WIDTH, HEIGHT))]
    content = encoded(scene()[::-1, ::-1].copy(), "MPO", save_all=True, append_images=others, exif=exif, quality=92)
    assert_shows(decode(content, LIMITS, shrink_to_px=16).pixels, CORNERS, tolerance=12)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_decode_ignores_broken_exif(format: str) -> None:
    for exif in (b"Exif\0\0garbage", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01"):
        assert_shows(decode(encoded(scene(), format, exif=exif), LIMITS).pixels, CORNERS)


def test_decode_ignores_an_unknown_orientation() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 77
    assert_shows(decode(encoded(scene(), "JPEG", exif=exif.tobytes()), LIMITS).pixels, CORNERS)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("shrink_to_px", [None, 16])
def test_decode_makes_transparent_pixels_white(mode: str, shrink_to_px: int | None) -> None:
    picture = Image.fromarray(scene()).convert(mode)
    picture.putalpha(Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint8)))
    for format in ("PNG", "WEBP"):
        options: dict[str, Any] = {"lossless": True} if format == "WEBP" else {}
        content = encoded(picture, format, **options)
        assert decode(content, LIMITS, shrink_to_px=shrink_to_px).pixels.min() == 255


def test_decode_makes_half_transparent_pixels_half_white() -> None:
    picture = Image.new("RGBA", (8, 8), (200, 0, 100, 51))
    np.testing.assert_allclose(decode(encoded(picture, "PNG"), LIMITS).pixels[4, 4], (244, 204, 224), atol=1)


@pytest.mark.parametrize("shrink_to_px", [None, 16])
def test_decode_leaves_no_border_around_a_transparent_colour_when_reduced(
    shrink_to_px: int | None,
) -> None:
    pixels = np.full((48, 48, 3), (255, 0, 255), np.uint8)
    pixels[5:40, 5:40] = 255  # with magenta for transparent, all of it is white
    key = (b"tRNS", struct.pack(">HHH", 255, 0, 255))
    assert decode(png(pixels, chunks=(key,)), LIMITS, shrink_to_px=shrink_to_px).pixels.min() == 255


@pytest.mark.parametrize("format", ["GIF", "PNG"])
def test_decode_makes_a_palettes_transparent_entry_white(format: str) -> None:
    picture = Image.fromarray(scene()).quantize(8)
    red = picture.getpixel((2, 2))
    image = decode(encoded(picture, format, transparency=red), LIMITS)
    assert_shows(image.pixels, ((255, 255, 255), *CORNERS[1:]))


def test_decode_keeps_a_dark_picture_of_16_bits_dark() -> None:
    dark = np.full((8, 8), 200, np.uint16)  # of 65,535
    assert decode(png(dark), LIMITS).pixels.max() == 0


def test_decode_keeps_the_tones_of_floating_point_grey_with_gaps() -> None:
    values = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    values[0, 0], values[0, 1] = np.nan, np.inf
    pixels = decode(encoded(values, "TIFF"), LIMITS).pixels
    np.testing.assert_allclose(pixels[HEIGHT // 2, WIDTH // 2], 128, atol=1)


def test_decode_ignores_names_and_extensions() -> None:
    """``decode`` takes bytes: what a PNG was called when it was uploaded cannot matter. What it is, is said."""
    image = decode(encoded(scene(), "PNG"), LIMITS)
    assert EXTENSIONS[image.format] == "png"
    assert CONTENT_TYPES["png"] == "image/png"
    assert set(EXTENSIONS) == {format for format, _ in EVERYTHING.values()}


def test_decode_reads_a_picture_of_one_pixel() -> None:
    content = encoded(np.array([[[9, 8, 7]]], np.uint8), "PNG")
    assert decode(content, LIMITS, shrink_to_px=224).pixels.tolist() == [[[9, 8, 7]]]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(300, 231), (448, 447), (230, 1000), (1999, 460), (100, 90)])
def test_decode_reduces_to_no_less_than_requested_with_the_same_mean_colour(format: str, size: tuple[int, int]) -> None:
    content = encoded(smooth(*size), format, quality=95)
    whole, reduced = decode(content, LIMITS), decode(content, LIMITS, shrink_to_px=112)
    assert (whole.width_px, whole.height_px) == (reduced.width_px, reduced.height_px) == size
    assert min(reduced.pixels.shape[:2]) >= min(112, *size)
    assert min(reduced.pixels.shape[:2]) < 2 * 112
    np.testing.assert_allclose(reduced.pixels.mean((0, 1)), whole.pixels.mean((0, 1)), atol=1.5)


@pytest.mark.parametrize("kind", EVERYTHING)
def test_decode_reduces_every_format(kind: str) -> None:
    image = decode(EVERYTHING[kind][1](), LIMITS, shrink_to_px=16)
    assert image.pixels.shape == (HEIGHT // 3, -(-WIDTH // 3), 3) or image.pixels.shape == (HEIGHT // 2, WIDTH // 2, 3)
    assert (image.width_px, image.height_px) == (WIDTH, HEIGHT)
    assert_shows(image.pixels, CORNERS if kind in COLOURED else tuple(map(grey_of, CORNERS)), tolerance=12)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
def test_decode_at_a_reduced_scale_gives_nearly_the_same_input(format: str, fit: str) -> None:
    spec = InputSpec(112, 112, "uint8", 1.0, 0.0, fit, "bilinear")
    content = encoded(smooth(900, 700), format, quality=95)
    whole, reduced = (
        prepare(decode(content, LIMITS, shrink_to_px=shrink_to_px).pixels, spec).astype(float)
        for shrink_to_px in (None, spec.long_edge_px)
    )
    assert np.abs(whole - reduced).mean() < 1.0
    assert np.percentile(np.abs(whole - reduced), 99) < 6


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"bread, butter, a daisy\n", b"%PDF-1.7\n" + bytes(99), b"<svg xmlns='http://www.w3.org/2000/svg'/>"],
    ids=["empty", "one byte", "text", "PDF", "SVG"],
)
def test_decode_refuses_a_file_that_is_not_an_image(content: bytes) -> None:
    with pytest.raises(NotAnImage, match=r"upload (an image|one of these)"):
        decode(content, LIMITS)


@pytest.mark.parametrize("kind", EVERYTHING)
def test_decode_of_a_truncated_file_is_refused_or_shows_the_rest(kind: str) -> None:
    content = EVERYTHING[kind][1]()
    for kept in np.linspace(1, len(content) - 1, 12).astype(int):
        try:
            assert decode(content[:kept], LIMITS).pixels.shape == (HEIGHT, WIDTH, 3)
        except Permanent:
            continue


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.9])
def test_decode_of_a_part_of_a_file_raises_damaged_image(format: str, kept: float) -> None:
    content = encoded(smooth(300, 200), format)
    with pytest.raises(DamagedImage, match="truncated or broken"):
        decode(content[: int(len(content) * kept)], LIMITS)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_decode_of_garbage_after_a_valid_header_does_not_crash(format: str) -> None:
    content = encoded(smooth(200, 150), format)
    garbage = random.Random(5).randbytes(len(content))
    for kept in (12, 30, 60, 200, len(content) // 2):
        try:
            decode(content[:kept] + garbage, LIMITS)
        except Permanent:
            continue


@pytest.mark.parametrize("kind", EVERYTHING)
def test_decode_of_a_changed_file_gives_a_picture_or_a_refusal(kind: str) -> None:
    """A small fuzz test, the same on every run; any other exception would crash the function, and be retried."""
    seeded = random.Random(kind)
    whole = EVERYTHING[kind][1]()
    for _ in range(40):
        content = bytearray(whole)
        for _ in range(seeded.choice((1, 2, 8))):
            place = seeded.randrange(min(len(content), seeded.choice((40, 200, 9999))))
            content[place] = seeded.choice((0, 255, 127, 128, seeded.randrange(256)))
        try:
            image = decode(bytes(content), Limits(max_pixels=1_000_000), shrink_to_px=seeded.choice((None, 16)))
        except Permanent:
            continue
        assert image.pixels.dtype == np.uint8
        assert min(image.pixels.shape) > 0


@pytest.mark.parametrize("format", EXTENSIONS)
def test_decode_refuses_a_giant_by_its_header(format: str) -> None:
    with pytest.raises(TooManyPixels, match=r"over the limit of 50,000,000; upload a smaller one"):
        decode(with_giant_header(format), LIMITS)


def test_decode_refuses_giants_without_memory() -> None:
    """In a subprocess, because peaks cannot be reset. Decoded, the smallest of the giants would take a gigabyte."""
    script = """
import resource
from shared.images.decode import EXTENSIONS, Limits, decode
from shared.errors import TooManyPixels
from shared.images.memory_budget import MemoryBudget
from tests.pictures import encoded, scene, with_giant_header
giants = [with_giant_header(format) for format in EXTENSIONS]
for format in ("JPEG", "PNG", "WEBP", "AVIF", "HEIF"):
    decode(encoded(scene(), format), Limits())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for giant in giants:
    try:
        decode(giant, Limits())
    except TooManyPixels:
        pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes on macOS, kilobytes elsewhere
    assert int(done.stdout) * unit < 32 * 1024 * 1024


def test_decode_refuses_a_small_tiff_in_a_giant_tile() -> None:
    side = 8192
    data = zlib.compress(bytes(side * side))
    tags = ((256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1))
    tiles = ((322, 4, 1, side), (323, 4, 1, side), (324, 4, 1, 512), (325, 4, 1, len(data)))
    with pytest.raises(TooManyPixels, match="64 x 64 pixels, 67,108,864 to decode"):
        decode(tiff((*tags, *tiles), data), LIMITS)


def test_decode_refuses_a_small_heic_cropped_from_a_giant() -> None:
    content = encoded(smooth(4000, 48), "HEIF")
    at = content.index(b"clap") + 4
    content = content[:at] + struct.pack(">IIII", WIDTH, 1, HEIGHT, 1) + content[at + 16 :]
    assert decode(content, LIMITS).width_px == WIDTH
    with pytest.raises(TooManyPixels, match="64 x 48 pixels, 256,000 to decode"):
        decode(content, Limits(max_pixels=200_000))


def test_decode_refuses_a_jpeg_of_very_many_scans() -> None:
    content = encoded(smooth(64, 48), "JPEG", progressive=True)
    last = content[content.rindex(b"\xff\xda") : -2]
    assert decode(content[:-2] + last * 20 + content[-2:], LIMITS).width_px == 64
    with pytest.raises(DamagedImage, match="passes over its pixels"):
        decode(content[:-2] + last * MAX_SCANS + content[-2:], LIMITS)


def test_decode_accepts_a_picture_of_exactly_the_limits() -> None:
    content = encoded(scene(), "PNG")
    assert decode(content, Limits(len(content), WIDTH * HEIGHT)).width_px == WIDTH
    with pytest.raises(TooManyPixels):
        decode(content, Limits(len(content), WIDTH * HEIGHT - 1))
    with pytest.raises(TooManyBytes):
        decode(content, Limits(len(content) - 1, WIDTH * HEIGHT))


def test_decode_refuses_a_file_by_its_size() -> None:
    check_size(5, Limits(max_bytes=5))
    with pytest.raises(TooManyBytes, match="The file has 1,234,567 bytes, which is over the limit of 5"):
        check_size(1_234_567, Limits(max_bytes=5))


@pytest.mark.parametrize("kind", ["JPEG baseline", "PNG", "WebP lossy", "TIFF", "HEIC"])
def test_decode_reads_no_pixel_before_there_is_room(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow decodes a PNG when its EXIF is read."""
    loaded: list[str] = []

    def load(self: Image.Image) -> None:
        loaded.append(str(self.format))
        raise AssertionError("a picture was loaded without room")

    content, budget = COLOURED[kind][1](), MemoryBudget(1_000_000, timeout_s=0)
    for plugin in type(Image.open(io.BytesIO(content))).__mro__:
        if "load" in vars(plugin):
            monkeypatch.setattr(plugin, "load", load)
    with budget.room_for(1_000_000), pytest.raises(Busy):
        decode(content, LIMITS, budget=budget)
    assert not loaded


def test_decode_releases_room_after_a_picture_and_after_an_error() -> None:
    budget = MemoryBudget(100_000_000, timeout_s=0)
    content = encoded(smooth(300, 200), "PNG")
    decode(content, LIMITS, budget=budget)
    with pytest.raises(DamagedImage):
        decode(content[: len(content) // 2], LIMITS, budget=budget)
    with budget.room_for(100_000_000):
        pass


def test_decode_needs_more_room_for_a_progressive_jpeg() -> None:
    """Its coefficients are held as a whole, 6 bytes a pixel without chroma subsampling."""
    pixels = smooth(800, 600)
    budget = MemoryBudget(800 * 600 * 3, timeout_s=0)
    decode(encoded(pixels, "JPEG"), LIMITS, shrink_to_px=64, budget=budget)
    with pytest.raises(TooManyPixels, match=r"MiB to decode.*a JPEG, or give the service more memory \(MEMORY_MB\)"):
        decode(encoded(pixels, "JPEG", progressive=True), LIMITS, shrink_to_px=64, budget=budget)


def test_decode_of_odd_metadata_gives_no_warning_and_keeps_the_filters() -> None:
    """``warnings.catch_warnings`` in the decoder would change the filters of other threads."""
    bad_animation = png(scene(), chunks=((b"acTL", bytes(8)),))
    script = f"""
import sys, warnings
sys.path.insert(0, {str(ROOT)!r})
from shared.images.decode import Limits, decode
before = list(warnings.filters)
decode({bad_animation!r}, Limits())
assert warnings.filters == before
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_decode_runs_in_parallel() -> None:
    contents = [file() for _, file in COLOURED.values()]
    expected = [decode(content, LIMITS, shrink_to_px=16).pixels for content in contents]
    wrong: list[int] = []

    def work() -> None:
        for index, content in enumerate(contents):
            if not np.array_equal(decode(content, LIMITS, shrink_to_px=16).pixels, expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_decode_ignores_text_chunks_that_unpack_to_very_much() -> None:
    bomb = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000)))
    assert_shows(decode(png(scene(), tail=bomb), LIMITS).pixels, CORNERS)
