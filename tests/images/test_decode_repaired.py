"""A picture with whole pixels is decoded though its file is damaged; an unsupported format is named."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from shared.errors import DamagedImage, NotAnImage
from shared.images.decode import Limits, decode
from shared.images.headers.clean_aperture import clean_aperture
from tests.pictures import Array, box, encoded, png, png_chunk, scene, smooth, tiff

LIMITS = Limits()


def with_bad_checksum(kind: bytes, data: bytes) -> bytes:
    return png_chunk(kind, data)[:-4] + b"\0\1\2\3"


def random_text(length: int) -> bytes:
    return np.random.default_rng(1).integers(97, 122, length, dtype=np.uint8).tobytes()


BAD_CHUNKS = {
    "XMP of 1.3 MB": lambda: png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + random_text(1_300_000)),
    "text of 1.5 MB": lambda: png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(random_text(1_500_000))),
    "a colour profile of 1.5 MB": lambda: png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(random_text(1_500_000))),
    "text with a wrong checksum": lambda: with_bad_checksum(b"tEXt", b"Title\0garden"),
    "gamma with a wrong checksum": lambda: with_bad_checksum(b"gAMA", struct.pack(">I", 45455)),
    "an empty pHYs": lambda: png_chunk(b"pHYs", b""),
    "an empty iCCP": lambda: png_chunk(b"iCCP", b""),
    "an empty acTL": lambda: png_chunk(b"acTL", b""),
    "an sRGB of no bytes": lambda: png_chunk(b"sRGB", b""),
    "EXIF with a wrong checksum": lambda: with_bad_checksum(b"eXIf", b"II*\0"),
}


@pytest.mark.parametrize("kind", BAD_CHUNKS)
@pytest.mark.parametrize("is_behind", [False, True])
def test_png_with_bad_ancillary_chunks_is_decoded(kind: str, *, is_behind: bool) -> None:
    chunk = BAD_CHUNKS[kind]()
    content = png(scene(), tail=chunk) if is_behind else png(scene())[:33] + chunk + png(scene())[33:]
    assert np.array_equal(decode(content, LIMITS).pixels, scene())


def test_png_with_bad_text_keeps_its_turn_and_its_transparency() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    turned = encoded(scene()[::-1, ::-1].copy(), "PNG", exif=exif.tobytes())
    bad = BAD_CHUNKS["text with a wrong checksum"]()
    assert np.array_equal(decode(turned[:33] + bad + turned[33:], LIMITS).pixels, scene())
    key = (b"tRNS", struct.pack(">HHH", 200, 30, 30))
    content = png(scene(), chunks=(key,), tail=bad)
    assert decode(content, LIMITS).pixels[0, 0].tolist() == [255, 255, 255]


def test_png_with_broken_pixels_is_refused() -> None:
    content = encoded(smooth(300, 200), "PNG")
    for broken in (content[: len(content) // 2], content.replace(b"IDAT", b"IDAX", 1)):
        with pytest.raises(DamagedImage):
            decode(broken[:33] + BAD_CHUNKS["an empty pHYs"]() + broken[33:], LIMITS)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("shrink_to_px", [None, 64])
def test_jpeg_that_lacks_only_its_end_is_decoded(
    options: dict[str, Any], missing: int, shrink_to_px: int | None
) -> None:
    content = encoded(smooth(300, 200), "JPEG", **options)
    expected = decode(content, LIMITS, shrink_to_px=shrink_to_px).pixels
    assert np.array_equal(decode(content[:-missing], LIMITS, shrink_to_px=shrink_to_px).pixels, expected)


@pytest.mark.parametrize("missing", [12, 100, 1000])
def test_jpeg_that_lacks_pixels_is_refused(missing: int) -> None:
    content = encoded(smooth(300, 200), "JPEG", quality=95)
    with pytest.raises(DamagedImage, match="truncated or broken"):
        decode(content[:-missing], LIMITS)


def deep_tiff(samples: Array, photometric: int, more: tuple[tuple[int, int, int, int], ...] = ()) -> bytes:
    height, width = samples.shape
    formats = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    size = ((256, 3, 1, width), (257, 3, 1, height), (258, 3, 1, 8 * samples.dtype.itemsize), (259, 3, 1, 1))
    where = ((262, 3, 1, photometric), (273, 4, 1, 512), (277, 3, 1, 1), (278, 3, 1, height))
    tags = (*size, *where, (279, 4, 1, samples.nbytes), *more, (339, 3, 1, formats))
    return tiff(tags, samples.tobytes())


def ramp(dtype: str, white: float) -> Array:
    return np.tile(np.linspace(0, white, 64), (8, 1)).astype(dtype)


DEPTHS = [("<u2", 65535), ("<u4", 65535), ("<i4", 65535), ("<i2", 32767), ("<f4", 1)]


@pytest.mark.parametrize(("dtype", "white"), DEPTHS)
def test_tiff_whose_zero_is_white_is_inverted_at_any_depth(dtype: str, white: float) -> None:
    black_is_zero = decode(deep_tiff(ramp(dtype, white), 1), LIMITS).pixels
    white_is_zero = decode(deep_tiff(ramp(dtype, white), 0), LIMITS).pixels
    assert np.array_equal(white_is_zero, 255 - black_is_zero)
    assert white_is_zero[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize(("dtype", "white"), [("<f4", 1), ("<i4", 255), ("<u2", 65535), ("<f4", 65535)])
def test_white_at_the_end_of_the_scale_is_white(dtype: str, white: float) -> None:
    pixels = decode(deep_tiff(ramp(dtype, white), 1), LIMITS).pixels
    assert (pixels[0, 0, 0], pixels[0, -1, 0]) == (0, 255)
    assert np.abs(pixels[0, :, 0] - np.linspace(0, 255, 64)).max() <= 1


SCALED: dict[str, Callable[[], bytes]] = {
    "TIFF of 16 bits that uses 12": lambda: deep_tiff(ramp("<u2", 4095), 1),
    "PNG of 16 bits that uses 12": lambda: png(ramp("<u2", 4095)),
    "TIFF of 32 bits that uses 12": lambda: deep_tiff(ramp("<i4", 4095), 1),
    "TIFF that says 14 bits": lambda: deep_tiff(ramp("<u2", 16383), 1, ((281, 3, 1, 16383),)),
    "PNG that says 14 bits": lambda: png(ramp("<u2", 16383), chunks=((b"sBIT", b"\x0e"),)),
    "PNG that says 10 bits": lambda: png(ramp("<u2", 1023), chunks=((b"sBIT", b"\x0a"),)),
}


@pytest.mark.parametrize("kind", SCALED)
def test_grey_of_fewer_bits_than_its_samples_is_scaled_with_a_note(kind: str) -> None:
    image = decode(SCALED[kind](), LIMITS)
    assert np.abs(image.pixels[0, :, 0] - np.linspace(0, 255, 64)).max() <= 1
    assert image.note is not None
    assert "which is shown as white" in image.note


def test_grey_of_more_bits_than_declared_is_not_scaled_to_them() -> None:
    for content in (
        png(ramp("<u2", 65535), chunks=((b"sBIT", b"\x0c"),)),
        deep_tiff(ramp("<u2", 65535), 1, ((281, 3, 1, 4095),)),
    ):
        image = decode(content, LIMITS)
        assert (image.note, image.pixels[0, -1, 0]) == (None, 255)
        assert np.abs(image.pixels[0, :, 0] - np.linspace(0, 255, 64)).max() <= 1


def test_note_is_none_without_a_conversion() -> None:
    for content in (png(np.zeros((8, 8), np.uint16)), png(ramp("<u2", 65535)), encoded(scene(), "JPEG")):
        assert decode(content, LIMITS).note is None


UNSUPPORTED: dict[str, tuple[Callable[[], bytes], str]] = {
    "TIFF of five bands": (lambda: replaced(entry(277, 1), entry(277, 5)), "a TIFF of 5 bands"),
    "TIFF of doubles": (lambda: deep_tiff(ramp("<f8", 1), 1), "a TIFF of 1 bands of 64 bits"),
    "WebP in a TIFF": (lambda: replaced(entry(259, 1), entry(259, 50001)), "compression 50001"),
    "BMP of bit fields": (lambda: bmp_of_bit_fields(), "a BMP of 16 bits, compression 3"),
    "PNG of Xcode": (lambda: png_of_xcode(), "CgBI"),
    "Canon's RAW": (lambda: b"II*\0\x10\0\0\0CR\2\0" + bytes(99), "camera's RAW"),
    "Canon's newer RAW": (lambda: box(b"ftyp", b"crx \0\0\0\1"), "camera's RAW"),
    "Fuji's RAW": (lambda: b"FUJIFILMCCD-RAW 0201" + bytes(99), "camera's RAW"),
    "Panasonic's RAW": (lambda: b"IIU\0\x18\0\0\0" + bytes(99), "camera's RAW"),
    "Olympus' RAW": (lambda: b"IIRO\x08\0\0\0" + bytes(99), "camera's RAW"),
    "DNG": (lambda: tiff(((256, 3, 1, 64), (262, 3, 1, 32803), (50706, 1, 4, 0x401)), b""), "camera's RAW"),
    "Nikon's RAW": (lambda: tiff(((256, 3, 1, 64), (271, 2, 4, 0x4E494B4E), (330, 4, 1, 512)), b""), "camera's RAW"),
    "JPEG XL": (lambda: b"\xff\x0a" + bytes(99), "a JPEG XL file"),
    "JPEG XL in boxes": (lambda: b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(99), "a JPEG XL file"),
    "JPEG 2000": (lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(99), "a JPEG 2000 file"),
    "DICOM": (lambda: bytes(128) + b"DICM" + bytes(99), "a DICOM file"),
}  # fmt: skip


def entry(tag: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, 3, 1, value)


def replaced(old: bytes, new: bytes) -> bytes:
    return deep_tiff(ramp("u1", 255), 1).replace(old, new)


def png_of_xcode() -> bytes:
    """Return a PNG whose pixels are packed without zlib's frame."""
    plain = encoded(scene(), "PNG")
    head = plain[:8] + png_chunk(b"CgBI", b"P\0 \2") + plain[8:33]
    return head + png_chunk(b"IDAT", zlib.compress(bytes(99), wbits=-15)) + png_chunk(b"IEND", b"")


def bmp_of_bit_fields() -> bytes:
    masks = struct.pack("<III", 0xF000, 0x0F00, 0x00F0)
    head = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 66 + 64, 0, 0, 66, 40, 8, 4, 1, 16, 3, 64, 0, 0, 0, 0)
    return head + masks + bytes(64)


@pytest.mark.parametrize("kind", UNSUPPORTED)
def test_unsupported_format_is_named_in_the_error(kind: str) -> None:
    make, words = UNSUPPORTED[kind]
    with pytest.raises(NotAnImage, match=words) as refused:
        decode(make(), LIMITS)
    assert "upload the picture as JPEG" in str(refused.value)
    assert "again from the original" not in str(refused.value)


def with_clap(content: bytes, clap: tuple[int, ...]) -> bytes:
    """Return an AVIF whose item has the additional property ``clap``; the bytes after it move."""
    prop = box(b"clap", struct.pack(">8i", *clap))
    at = content.index(b"av1C") - 4
    out = bytearray(content[:at] + prop + content[at:])
    for kind, more in ((b"meta", len(prop) + 1), (b"iprp", len(prop) + 1), (b"ipco", len(prop))):
        where = out.index(kind) - 4
        out[where : where + 4] = struct.pack(">I", struct.unpack(">I", out[where : where + 4])[0] + more)
    where = out.index(b"ipma")
    size, number = struct.unpack(">I", out[where - 4 : where])[0], out[where + 14]
    old = bytes(out[where + 15 : where + 15 + number])
    kinds = (b"ispe", b"pixi", b"av1C", b"colr")
    place = [kind for _, kind in sorted((content.index(kind), kind) for kind in kinds)].index(b"av1C")
    moved = bytes((index & 0x80) | ((index & 0x7F) + ((index & 0x7F) > place)) for index in old)
    out[where - 4 : where] = struct.pack(">I", size + 1)
    out[where + 14 : where + 15 + number] = bytes([number + 1]) + moved + bytes([0x80 | place + 1])
    where = out.index(b"iloc") + 4
    extent = bytes(out).rindex(struct.pack(">I", content.index(b"mdat") + 4), where, where + 40)
    out[extent : extent + 4] = struct.pack(">I", content.index(b"mdat") + 4 + len(prop) + 1)
    return bytes(out)


def test_avif_is_cropped_to_its_clean_aperture() -> None:
    content = encoded(scene(), "AVIF", quality=95, speed=10)
    cropped = with_clap(content, (32, 1, 24, 1, -16, 1, -12, 1))
    image = decode(cropped, LIMITS)
    assert (image.width_px, image.height_px, image.pixels.shape) == (32, 24, (24, 32, 3))
    assert np.array_equal(image.pixels, decode(content, LIMITS).pixels[:24, :32])


@pytest.mark.parametrize(
    "clap",
    [
        (65, 1, 48, 1, 0, 1, 0, 1), (32, 1, 24, 1, 99, 1, 0, 1), (32, 0, 24, 1, 0, 1, 0, 1), (31, 2, 24, 1, 0, 1, 0, 1),
    ],
)  # fmt: skip
def test_clean_aperture_outside_of_the_picture_is_ignored(clap: tuple[int, ...]) -> None:
    content = with_clap(encoded(scene(), "AVIF", speed=10), clap)
    assert clean_aperture(content, (64, 48)) is None
    assert decode(content, LIMITS).width_px == 64
