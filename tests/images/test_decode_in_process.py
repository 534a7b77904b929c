"""A decode in this process: what it reserves, what it refuses with which sentence, and what its image says."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from shared.errors import Busy, DamagedImage, NotAnImage, TooManyBytes, TooManyPixels
from shared.images import decode_in_process
from shared.images.decode import Limits, check_size
from shared.images.decode import decode as decode_file
from shared.images.decode_in_process import JPEG_END, decode
from shared.images.memory_budget import UNLIMITED, MemoryBudget
from tests.images.heif_parts import ispe
from tests.pictures import COLOURED, box, encoded, oriented, png, png_chunk, scene, smooth, tiff

PIXELS = 50_000_000
BROKEN = (
    "The file begins like an image, but its pixels cannot be read to the end; it is truncated or broken. Upload it "
    "again from the original."
)


class Recorder:
    """A budget that writes down what is reserved."""

    def __init__(self, capacity_bytes: int = 1 << 40) -> None:
        self.capacity_bytes = capacity_bytes
        self.reserved: list[int] = []

    @contextmanager
    def room_for(self, needed_bytes: int) -> Iterator[None]:
        self.reserved.append(needed_bytes)
        yield


PIXEL_BYTES = {"jpeg": 2, "png": 8, "webp": 17, "gif": 8, "bmp": 8, "tiff": 12, "avif": 12, "heif": 8}
WHOLE_COEFFICIENTS = 2 * 3 * 64 * 64
"""Of a picture of 64 x 48 pixels, which is padded to blocks of 32."""


@pytest.mark.parametrize("kind", [kind for kind in COLOURED if "HEIC" not in kind])
def test_decode_reserves_what_its_header_says(kind: str) -> None:
    name, make = COLOURED[kind]
    budget, content = Recorder(), make()
    image = decode(content, PIXELS, None, budget)
    needed = 64 * 48 * (PIXEL_BYTES[name] + 10) + ("progressive" in kind) * WHOLE_COEFFICIENTS
    assert budget.reserved == ([needed, 0] if name == "webp" else [needed])
    assert (image.format, image.width_px, image.height_px, image.pixels.shape) == (name, 64, 48, (48, 64, 3))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "AVIF"])
def test_decode_to_a_smaller_picture_reserves_less(format: str) -> None:
    budget = Recorder()
    image = decode(encoded(scene(), format), PIXELS, 16, budget)
    assert budget.reserved[0] == 64 * 48 * PIXEL_BYTES[format.lower()] + 64 * 48 // 9 * 10
    assert (image.width_px, image.height_px) == (64, 48)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF", "BMP", "AVIF", "JPEG"])
def test_decode_of_exactly_the_limits_is_admitted_and_of_one_more_is_not(format: str) -> None:
    content = encoded(Image.fromarray(scene()), format, "P" if format == "GIF" else None)
    needed = 64 * 48 * (PIXEL_BYTES[format.lower()] + 10)
    assert decode(content, 64 * 48, None, Recorder(needed)).width_px == 64
    with pytest.raises(TooManyPixels) as refused:
        decode(content, 64 * 48 - 1, None, Recorder(needed))
    assert str(refused.value) == (
        "The picture is 64 x 48 pixels, 3,072 to decode, which is over the limit of 3,071; upload a smaller one."
    )
    with pytest.raises(TooManyPixels, match=f"64 x 48 pixels of {format}, which take 0 MiB to decode, over the 0 MiB"):
        decode(content, 64 * 48, None, Recorder(needed - 1))


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_decode_of_more_than_the_memory_says_how_much_it_takes(format: str) -> None:
    content = encoded(scene(1000, 800), format)
    with pytest.raises(TooManyPixels) as refused:
        decode(content, PIXELS, None, Recorder(5 * 2**20 - 1))
    mib = {"PNG": 13, "WEBP": 20}[format]
    assert str(refused.value) == (
        f"The picture is 1000 x 800 pixels of {format}, which take {mib} MiB to decode, over the 4 MiB that are set "
        "aside; upload a smaller one or a JPEG, or give the service more memory (MEMORY_MB)."
    )


def test_decode_without_room_is_busy_and_gives_back_what_it_held() -> None:
    for content in (encoded(scene(), "PNG"), encoded(scene(), "WEBP")):
        budget = MemoryBudget(100_000, timeout_s=0)
        with budget.room_for(99_999), pytest.raises(Busy, match="fill the memory"):
            decode(content, PIXELS, None, budget)
        decode(content, PIXELS, None, budget)
        with budget.room_for(100_000):
            pass


@pytest.mark.parametrize("format", ["JPEG", "MPO"])
@pytest.mark.parametrize(
    ("shrink_to_px", "expected"),
    [
        (30, (40, 30)), (31, (80, 60)), (60, (80, 60)), (61, (160, 120)), (120, (160, 120)), (121, (320, 240)),
        (240, (320, 240)), (241, (640, 480)), (480, (640, 480)), (999, (640, 480)), (None, (640, 480)),
    ],
)  # fmt: skip
def test_jpeg_is_decoded_at_the_smallest_scale_that_is_long_enough(
    format: str, shrink_to_px: int | None, expected: tuple[int, int]
) -> None:
    others = [Image.new("RGB", (640, 480))] if format == "MPO" else []
    options: dict[str, Any] = {"save_all": True, "append_images": others} if others else {}
    content = encoded(smooth(640, 480), format, **options)
    image = decode(content, PIXELS, shrink_to_px, UNLIMITED)
    assert image.pixels.shape[1::-1] == expected
    assert (image.format, image.width_px, image.height_px) == ("jpeg", 640, 480)


@pytest.mark.parametrize(("shrink_to_px", "scale"), [(60, 8), (61, 4), (120, 4), (121, 2), (240, 2), (241, 1)])
def test_jpeg_is_scaled_by_its_decoder(shrink_to_px: int, scale: int) -> None:
    """A picture that is decoded at a larger scale and then reduced has other pixels, and takes more time."""
    content = encoded(smooth(640, 480), "JPEG")
    with Image.open(io.BytesIO(content)) as picture:
        picture.draft(None, (640 // scale, 480 // scale))
        expected = np.asarray(picture)
    assert expected.shape[1] == 640 // scale
    assert np.array_equal(decode(content, PIXELS, shrink_to_px, UNLIMITED).pixels, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_image_has_the_upright_size_and_the_orientation(format: str, orientation: int) -> None:
    image = decode(oriented(scene(), format, orientation), PIXELS, None, UNLIMITED)
    assert (image.width_px, image.height_px, image.orientation) == (64, 48, orientation)
    assert image.pixels.shape == (48, 64, 3)
    assert image.note is None


def test_image_has_the_note_and_the_declared_white() -> None:
    samples = np.array([[0, 512, 1023]], np.uint16)
    image = decode(png(samples, chunks=((b"sBIT", b"\x0a"),)), PIXELS, None, UNLIMITED)
    assert image.pixels[0, :, 0].tolist() == [0, 128, 255]
    assert image.note == "The picture is grey of 16 bits whose values go to 1,023, which is shown as white."


def test_avif_alone_is_cropped_to_its_clean_aperture(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def box_of(*about: Any) -> tuple[int, int, int, int]:
        asked.append(about)
        return 3, 5, 40, 47

    avif, others = encoded(scene(), "AVIF"), [encoded(scene(), format) for format in ("JPEG", "PNG", "WEBP", "HEIF")]
    whole = decode(avif, PIXELS, None, UNLIMITED).pixels
    monkeypatch.setattr(decode_in_process, "_clean_aperture", box_of)
    image = decode(avif, PIXELS, None, UNLIMITED)
    assert (image.width_px, image.height_px) == (37, 42)
    assert np.array_equal(image.pixels, whole[5:47, 3:40])
    assert [decode(other, PIXELS, None, UNLIMITED).width_px for other in others] == [64] * 4
    assert asked == [(avif, (64, 48))]


def test_tiff_whose_zero_is_white_is_opened() -> None:
    tags = ((256, 3, 1, 2), (257, 3, 1, 1), (258, 3, 1, 32), (259, 3, 1, 1), (262, 3, 1, 0), (273, 4, 1, 512))
    content = tiff((*tags, (277, 3, 1, 1), (278, 3, 1, 1), (279, 4, 1, 8), (339, 3, 1, 2)), struct.pack("<ii", 0, 255))
    assert decode(content, PIXELS, None, UNLIMITED).pixels[0, :, 0].tolist() == [255, 0]


@pytest.mark.parametrize("content", [b"text", b"P6 1 1 255 abc", bytes(1234), b"\0\0\1\0\1\0", b"%PDF-1.7"])
def test_file_of_an_unknown_format_is_refused_with_its_size(content: bytes) -> None:
    with pytest.raises(NotAnImage) as refused:
        decode(content, PIXELS, None, UNLIMITED)
    assert str(refused.value) == (
        f"The file's {len(content):,} bytes are not in a supported image format (JPEG, PNG, WebP, GIF, BMP, TIFF, "
        "AVIF, HEIC); upload one of these."
    )


def test_file_of_an_unsupported_format_is_refused_by_its_name() -> None:
    with pytest.raises(NotAnImage) as refused:
        decode(b"8BPS" + bytes(99), PIXELS, None, UNLIMITED)
    assert str(refused.value) == (
        "The file is a Photoshop file, which is not supported; upload the picture as JPEG, PNG, WebP, GIF, BMP, TIFF, "
        "AVIF or HEIC."
    )


def test_opened_tiff_of_a_known_compression_whose_pixels_are_broken_is_damaged() -> None:
    tags = ((256, 3, 1, 8), (257, 3, 1, 4), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 512))
    content = tiff((*tags, (277, 3, 1, 1), (278, 3, 1, 4), (279, 4, 1, 32)), b"\xff" * 32)
    with pytest.raises(DamagedImage) as refused:
        decode(content, PIXELS, None, UNLIMITED)
    assert str(refused.value) == BROKEN


@pytest.mark.parametrize(
    "beginning",
    [
        b"\xff\xd8\xff\xe0",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"BM",
        b"II*\0",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"RIFF\0\0\0\0WEBPVP8X",
    ],
)
def test_file_that_only_begins_like_an_image_is_damaged(beginning: bytes) -> None:
    for content in (beginning, beginning + bytes(5)):
        with pytest.raises(DamagedImage) as refused:
            decode(content, PIXELS, None, UNLIMITED)
        assert str(refused.value) == BROKEN


@pytest.mark.parametrize("error", [ValueError, OverflowError, struct.error, EOFError, RecursionError, AssertionError])
def test_any_error_of_a_decoder_is_the_pictures(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(decode_in_process, "upright_rgb", fail)
    with pytest.raises(DamagedImage, match="truncated or broken") as refused:
        decode(encoded(scene(), "PNG"), PIXELS, None, UNLIMITED)
    assert isinstance(refused.value.__cause__, error)


def test_lack_of_memory_is_not_the_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(decode_in_process, "upright_rgb", fail)
    with pytest.raises(Busy, match=r"^There is no memory for one more picture; try again in a second\.$"):
        decode(encoded(scene(), "PNG"), PIXELS, None, UNLIMITED)


def test_avif_that_contradicts_itself_is_damaged_and_a_heic_is_left_to_its_decoder() -> None:
    content = encoded(scene(), "AVIF")
    at = content.index(b"ispe") + 8
    lying = content[:at] + struct.pack(">II", 63, 48) + content[at + 8 :]
    with pytest.raises(DamagedImage) as refused:
        decode(lying, PIXELS, None, UNLIMITED)
    assert str(refused.value) == (
        "The file contradicts itself about its picture's size; save it again with an image editor."
    )


@pytest.mark.parametrize("error", [ValueError, KeyError, IndexError])
def test_contradiction_in_a_header_is_the_pictures(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(decode_in_process, "pixels_held", fail)
    with pytest.raises(DamagedImage, match="contradicts itself about its picture's size"):
        decode(encoded(scene(), "PNG"), PIXELS, None, UNLIMITED)


def test_avif_is_limited_by_the_largest_size_that_it_declares() -> None:
    content = encoded(scene(), "AVIF") + box(b"free", ispe(100, 100))
    assert decode(content, 10_000, None, UNLIMITED).width_px == 64
    with pytest.raises(TooManyPixels, match="64 x 48 pixels, 10,000 to decode, which is over the limit of 9,999;"):
        decode(content, 9_999, None, UNLIMITED)


def jpeg_of_scans(number: int, progressive: bool) -> bytes:
    content = encoded(smooth(64, 48), "JPEG", progressive=progressive)
    if progressive:
        last = content[content.rindex(b"\xff\xda") : -2]
        return content[:-2] + last * (number - content.count(b"\xff\xda")) + JPEG_END
    head = content[: content.index(b"\xff\xda")]
    scans = [struct.pack(">BBHBBBBBB", 0xFF, 0xDA, 8, 1, 1 + at % 3, 0, 0, 63, 0) for at in range(number)]
    return head + b"".join(scans) + JPEG_END


@pytest.mark.parametrize(("progressive", "limit"), [(True, 100), (False, 4)])
def test_jpeg_may_have_so_many_scans(progressive: bool, limit: int) -> None:
    assert decode(jpeg_of_scans(limit, progressive), PIXELS, None, UNLIMITED).width_px == 64
    with pytest.raises(DamagedImage) as refused:
        decode(jpeg_of_scans(limit + 1, progressive), PIXELS, None, UNLIMITED)
    assert str(refused.value) == (
        f"The JPEG is written in more than {limit} passes over its pixels, the most that its kind may have; save it "
        "again with an image editor."
    )


@pytest.mark.parametrize(("size", "fits"), [(1_999, True), (2_000, True), (2_001, False)])
def test_file_of_too_many_bytes_is_refused_with_both_numbers(size: int, fits: bool) -> None:
    limits = Limits(max_bytes=2_000)
    if fits:
        check_size(size, limits)
        return
    with pytest.raises(TooManyBytes) as refused:
        check_size(size, limits)
    assert str(refused.value) == "The file has 2,001 bytes, which is over the limit of 2,000; upload a smaller one."


def test_empty_file_is_refused_with_a_sentence() -> None:
    with pytest.raises(NotAnImage) as refused:
        decode_file(b"", Limits())
    assert str(refused.value) == "The file is empty (0 bytes); upload an image."


def test_jpeg_whose_pixels_are_missing_is_not_repaired() -> None:
    content = encoded(smooth(300, 200), "JPEG", quality=95)
    for cut in (content[:-30], content[:-30] + b"\xff"):
        with pytest.raises(DamagedImage, match="truncated or broken"):
            decode_file(cut, Limits(max_pixels=60_000))


@pytest.mark.parametrize("kept", [b"", b"\xff"])
def test_jpeg_that_lacks_only_its_end_is_shown_whole(kept: bytes) -> None:
    content = encoded(smooth(30, 20), "JPEG")
    expected = decode_file(content, Limits()).pixels
    image = decode_file(content.removesuffix(JPEG_END) + kept, Limits())
    assert np.array_equal(image.pixels, expected)
    assert image.format == "jpeg"


def test_png_with_a_broken_chunk_beside_its_pixels_is_decoded_within_the_same_limits() -> None:
    bad = png_chunk(b"tEXt", b"Title\0garden")[:-4] + b"\0\1\2\3"
    content = png(scene(), tail=bad)
    assert np.array_equal(decode_file(content, Limits(max_pixels=64 * 48)).pixels, scene())
    assert decode_file(content, Limits(), shrink_to_px=16).pixels.shape == (16, 22, 3)
    with pytest.raises(TooManyPixels):
        decode_file(content, Limits(max_pixels=64 * 48 - 1))


def test_broken_exif_leaves_a_picture_upright() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    content = encoded(scene(), "PNG", exif=exif.tobytes())
    assert decode(content, PIXELS, None, UNLIMITED).pixels.shape == (64, 48, 3)
    broken = content.replace(b"II*\0", b"II*\1").replace(b"MM\0*", b"MM\1*")
    assert decode_file(broken, Limits()).pixels.shape == (48, 64, 3)
