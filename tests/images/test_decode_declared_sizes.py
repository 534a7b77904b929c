"""Files that declare less than their decoders will hold or do: the limits apply to what the decoder reads."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from shared.errors import DamagedImage, TooManyPixels
from shared.images.decode import Limits, decode
from shared.images.decode_in_process import JPEG_END
from shared.images.headers.coded_size import av1_size, coded_pixels
from shared.images.headers.decode_cost import bytes_per_pixel, coefficient_bytes
from shared.images.headers.jpeg_scans import MAX_SCANS, MAX_SEQUENTIAL_SCANS, scans_of
from shared.images.memory_budget import MIB, MemoryBudget
from tests.pictures import box, encoded, scene, smooth

LIMITS = Limits()


def scan(component: int) -> bytes:
    """Return a scan of one component without data: its coefficients are zero."""
    return struct.pack(">BBHBBBBBB", 0xFF, 0xDA, 8, 1, component, 0, 0, 63, 0)


def jpeg_of_scans(number: int, size: tuple[int, int] | None = None) -> bytes:
    """Return a sequential JPEG with a scan for each component, repeated."""
    content = encoded(scene(), "JPEG")
    head = bytearray(content[: content.index(b"\xff\xda")])
    if size is not None:
        at = head.index(b"\xff\xc0") + 5
        head[at : at + 4] = struct.pack(">HH", size[1], size[0])
    return bytes(head) + b"".join(scan(1 + index % 3) for index in range(number)) + JPEG_END


@pytest.mark.parametrize("number", [1, 3, MAX_SEQUENTIAL_SCANS])
def test_sequential_jpeg_may_have_a_scan_for_each_component(number: int) -> None:
    assert decode(jpeg_of_scans(number), LIMITS).width_px == 64


@pytest.mark.parametrize("number", [MAX_SEQUENTIAL_SCANS + 1, 2000])
def test_sequential_jpeg_of_more_scans_is_refused(number: int) -> None:
    with pytest.raises(DamagedImage, match=rf"more than {MAX_SEQUENTIAL_SCANS} passes over its pixels"):
        decode(jpeg_of_scans(number), LIMITS)


def test_scans_are_counted_to_one_over_the_limit() -> None:
    assert scans_of(jpeg_of_scans(2_000_000)).number == MAX_SEQUENTIAL_SCANS + 1
    progressive = encoded(smooth(64, 48), "JPEG", progressive=True)
    last = progressive[progressive.rindex(b"\xff\xda") : -2]
    assert scans_of(progressive[:-2] + last * 100_000 + JPEG_END).number == MAX_SCANS + 1


@pytest.mark.parametrize(
    "between", [b"", b"\xff\xff", b"\xff\xd3", b"\xff\x01", b"lost bytes", b"\xff\xfe\0\x04\xff\xda"]
)
def test_scans_are_found_after_bytes_that_libjpeg_skips(between: bytes) -> None:
    content = jpeg_of_scans(0)[:-2] + between.join(scan(1 + index % 3) for index in range(6)) + JPEG_END
    with pytest.raises(DamagedImage, match="passes over its pixels"):
        decode(content, LIMITS)


def test_scans_of_a_thumbnail_and_of_later_pictures_are_not_counted() -> None:
    first, second = (Image.fromarray(smooth(64, 48, seed)) for seed in (1, 2))
    thumbnail = Image.Exif().tobytes() + encoded(scene(), "JPEG", progressive=True)
    content = encoded(first, "MPO", save_all=True, append_images=[second] * 8, exif=thumbnail)
    assert content.count(b"\xff\xda") > MAX_SEQUENTIAL_SCANS
    assert (scans_of(content).number, scans_of(content).is_held_whole) == (1, False)
    assert decode(content, LIMITS).width_px == 64


def test_sequential_jpeg_of_several_scans_needs_room_to_be_held_whole() -> None:
    content = jpeg_of_scans(3, (7000, 7000))
    assert len(content) < 1000
    with pytest.raises(TooManyPixels, match="MiB to decode"):
        decode(content, LIMITS, shrink_to_px=224, budget=MemoryBudget(208 * MIB))
    assert coefficient_bytes((7000, 7000), scans_of(content)) >= 7000 * 7000 * 6


def test_thin_jpeg_of_several_scans_needs_room_for_its_padded_blocks() -> None:
    assert coefficient_bytes((1, 60_000), scans_of(jpeg_of_scans(3))) >= 32 * 60_000 * 6


def test_jpeg_of_several_pictures_is_drafted_like_any_other() -> None:
    """Telephones write such files; decoded whole they would take more memory than is reserved."""
    pictures = [Image.fromarray(smooth(1600, 1200, seed)) for seed in (1, 2)]
    content = encoded(pictures[0], "MPO", save_all=True, append_images=pictures[1:])
    alone = encoded(pictures[0], "JPEG")
    expected = decode(alone, LIMITS, shrink_to_px=100).pixels
    assert np.array_equal(decode(content, LIMITS, shrink_to_px=100).pixels, expected)


def with_declared_size(content: bytes, width: int, height: int, box: bytes = b"ispe", skip: int = 8) -> bytes:
    at = content.index(box) + skip
    return content[:at] + struct.pack(">II", width, height) + content[at + 8 :]


def test_avif_that_declares_less_than_its_coded_pixels_is_refused() -> None:
    content = encoded(smooth(2000, 1500), "AVIF", speed=10)
    with pytest.raises(DamagedImage, match="contradicts itself about its picture's size"):
        decode(with_declared_size(content, 64, 64), LIMITS)
    assert decode(content, LIMITS).width_px == 2000


def test_avif_that_declares_no_size_is_refused() -> None:
    with pytest.raises(DamagedImage):
        decode(encoded(scene(), "AVIF", speed=10).replace(b"ispe", b"free"), LIMITS)


def test_avif_of_several_frames_is_checked_against_its_tracks() -> None:
    frames = [Image.fromarray(smooth(640, 480, seed)) for seed in range(3)]
    content = encoded(frames[0], "AVIF", save_all=True, append_images=frames[1:], speed=10)
    assert coded_pixels(content, "avif") == 640 * 480
    at = content.index(b"av01", content.index(b"stsd")) + 28
    assert struct.unpack(">HH", content[at : at + 4]) == (640, 480)
    lying = content[:at] + struct.pack(">HH", 16, 16) + content[at + 4 :]
    with pytest.raises(DamagedImage, match="contradicts itself"):
        decode(lying, LIMITS)


@pytest.mark.parametrize("size", [(1, 1), (64, 48), (1001, 13), (4096, 2160)])
def test_sequence_header_has_the_size_that_the_encoder_wrote(size: tuple[int, int]) -> None:
    content = encoded(smooth(*size), "AVIF", speed=10)
    assert coded_pixels(content, "avif") == size[0] * size[1]


@pytest.mark.parametrize("data", [b"\x0a", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x0a\x02\0", b"\x0a\x01"])
def test_sequence_header_that_is_cut_short_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut short|no end"):
        av1_size(data)


def grid(tile: int, output: int) -> bytes:
    """Return the part of a HEIC that declares a grid of 2 x 2 tiles, cut to a smaller picture."""
    kinds = [b"grid", *[b"hvc1"] * 4]
    entries = [box(b"infe", b"\2\0\0\0", struct.pack(">HH", at, 0), kind, b"\0") for at, kind in enumerate(kinds, 1)]
    sizes = [box(b"ispe", bytes(4), struct.pack(">II", side, side)) for side in (output, tile)]
    uses = b"".join(struct.pack(">HBB", at, 1, 1 if at == 1 else 2) for at in range(1, 6))
    return box(b"ftyp", b"heic\0\0\0\0mif1") + box(
        b"meta",
        bytes(4),
        box(b"iinf", bytes(4), struct.pack(">H", 5), *entries),
        box(b"iloc", bytes(4), b"\x44\0", bytes(2)),
        box(b"iprp", box(b"ipco", *sizes), box(b"ipma", bytes(4), struct.pack(">I", 5), uses)),
        box(b"iref", bytes(4), box(b"dimg", struct.pack(">HHHHHH", 1, 4, 2, 3, 4, 5))),
    )


@pytest.mark.parametrize("name", ["heif", "avif"])
def test_grid_is_counted_with_all_its_tiles(name: str) -> None:
    assert coded_pixels(grid(1000, 1001), name) == 4 * 1000 * 1000


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (lambda: encoded(scene(), "AVIF"), "avif", 12),
        (lambda: encoded(scene(), "AVIF").replace(b"av1C\x81\0\x0c", b"av1C\x81\0\x4c"), "avif", 17),
        (lambda: encoded(scene(), "HEIF"), "heif", 8),
        (lambda: encoded(scene(), "HEIF", chroma=444), "heif", 10),
        (lambda: encoded(scene(), "HEIF", "RGBA"), "heif", 10),
    ],
)
def test_decode_cost_grows_with_bits_and_full_chroma(content: Callable[[], bytes], name: str, expected: int) -> None:
    made = content()
    with Image.open(io.BytesIO(encoded(scene(), "AVIF") if expected == 17 else made)) as picture:
        assert bytes_per_pixel(picture, name, made) == expected


def test_decode_of_exactly_the_budget_is_admitted() -> None:
    content = encoded(smooth(640, 480), "PNG")
    needed = 640 * 480 * (8 + 10)
    assert decode(content, LIMITS, budget=MemoryBudget(needed)).width_px == 640
    with pytest.raises(TooManyPixels):
        decode(content, LIMITS, budget=MemoryBudget(needed - 1))
