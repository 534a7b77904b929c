"""Make test pictures: one scene in every format, and files that only look like pictures."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms
from pillow_heif import register_heif_opener

register_heif_opener()

Array = npt.NDArray[Any]

WIDTH, HEIGHT = 64, 48
RED, GREEN, BLUE, YELLOW = (200, 30, 30), (30, 160, 40), (40, 60, 200), (230, 200, 40)
CORNERS = (RED, GREEN, BLUE, YELLOW)
"""Colours of the scene: top left, top right, bottom left, bottom right."""


COLOURS = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
"""A colour profile."""


def scene(width: int = WIDTH, height: int = HEIGHT) -> Array:
    """Return the scene: four fields of one colour each, shape (height, width, 3), uint8."""
    pixels = np.empty((height, width, 3), np.uint8)
    middle_row, middle_column = height // 2, width // 2
    pixels[:middle_row, :middle_column] = RED
    pixels[:middle_row, middle_column:] = GREEN
    pixels[middle_row:, :middle_column] = BLUE
    pixels[middle_row:, middle_column:] = YELLOW
    return pixels


def smooth(width: int, height: int, seed: int = 0) -> Array:
    """Return soft colours without hard edges, as in a photograph out of focus."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def corners_of(pixels: Array) -> tuple[tuple[int, ...], ...]:
    """Return the median colour of each field, away from its edges, in the order of ``CORNERS``."""
    height, width = pixels.shape[:2]
    rows = (slice(height // 8, 3 * height // 8), slice(5 * height // 8, 7 * height // 8))
    columns = (slice(width // 8, 3 * width // 8), slice(5 * width // 8, 7 * width // 8))
    fields = (pixels[row, column].reshape(-1, 3) for row in rows for column in columns)
    return tuple(tuple(int(value) for value in np.median(field, axis=0)) for field in fields)


def grey_of(colour: tuple[int, ...]) -> tuple[int, ...]:
    """Return a colour's luma, ITU-R 601-2."""
    return (round(0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]),) * 3


def encoded(pixels: Array | Image.Image, format: str, mode: str | None = None, **options: Any) -> bytes:
    """Return the file of a picture, written by Pillow."""
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    content = io.BytesIO()
    (picture.convert(mode) if mode else picture).save(content, format, **options)
    return content.getvalue()


def oriented(pixels: Array, format: str, orientation: int) -> bytes:
    """Return a file whose pixels are stored turned, with the EXIF orientation that turns them back.

    The orientations are those of Exif 2.32, tag 0x0112: it names the side of the scene that row 0 and column 0 are.
    """
    on_its_side = pixels.transpose(1, 0, 2)
    stored = {
        1: pixels,
        2: pixels[:, ::-1],  # row 0 is the top, column 0 the right-hand side
        3: pixels[::-1, ::-1],  # bottom, right
        4: pixels[::-1],  # bottom, left
        5: on_its_side,  # left, top
        6: on_its_side[::-1],  # right, top
        7: on_its_side[::-1, ::-1],  # right, bottom
        8: on_its_side[:, ::-1],  # left, bottom
    }[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return encoded(np.ascontiguousarray(stored), format, exif=exif.tobytes())


def png(
    samples: Array, *, interlaced: bool = False, chunks: tuple[tuple[bytes, bytes], ...] = (), tail: bytes = b""
) -> bytes:
    """Return a PNG of 8 or 16 bits, grey or RGB: what Pillow reads and cannot write (https://www.w3.org/TR/png-3)."""
    height, width = samples.shape[:2]
    depth, colour = samples.dtype.itemsize * 8, 2 if samples.ndim == 3 else 0
    big_endian = samples.astype(samples.dtype.newbyteorder(">"))
    adam7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    passes = adam7 if interlaced else ((0, 0, 1, 1),)
    lines = b""
    for row, column, down, across in passes:
        part = big_endian[row::down, column::across]
        lines += b"".join(b"\0" + line.tobytes() for line in part if line.size)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    body = ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(lines)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*each) for each in body) + tail + png_chunk(b"IEND", b"")


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """Return a PNG chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def tiff(tags: tuple[tuple[int, int, int, int], ...], data: bytes, header_bytes: int = 512) -> bytes:
    """Return a little-endian TIFF of one directory; its data begins at ``header_bytes``.

    Args:
        tags: tag, type, count and value of each entry, by tag.
        data: what the offsets point at.
        header_bytes: room for the directory.
    """
    entries = b"".join(struct.pack("<HHII", *entry) for entry in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    return head.ljust(header_bytes, b"\0") + data


def _palette() -> Image.Image:
    return Image.fromarray(scene()).quantize(8)


def _frames() -> list[Image.Image]:
    """Return the scene, and after it other pictures that must not be seen."""
    return [Image.fromarray(scene()), Image.new("RGB", (WIDTH, HEIGHT), "black"), Image.new("RGB", (WIDTH, HEIGHT))]


def _animated(format: str, **options: Any) -> bytes:
    first, *others = _frames()
    return encoded(first, format, save_all=True, append_images=others, **options)


def _sixteen(pixels: Array) -> Array:
    return pixels.astype(np.uint16) * 257


def _grey() -> Array:
    return np.asarray(Image.fromarray(scene()).convert("L"))


COLOURED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "JPEG baseline": ("jpeg", lambda: encoded(scene(), "JPEG", quality=92)),
    "JPEG progressive": ("jpeg", lambda: encoded(scene(), "JPEG", quality=92, progressive=True)),
    "JPEG of CMYK": ("jpeg", lambda: encoded(scene(), "JPEG", "CMYK", quality=92)),
    "JPEG of several pictures": ("jpeg", lambda: _animated("MPO", quality=92)),
    "PNG": ("png", lambda: encoded(scene(), "PNG")),
    "PNG of 16 bits": ("png", lambda: png(_sixteen(scene()))),
    "PNG with a palette": ("png", lambda: encoded(_palette(), "PNG")),
    "PNG with alpha": ("png", lambda: encoded(scene(), "PNG", "RGBA")),
    "PNG interlaced": ("png", lambda: png(scene(), interlaced=True)),
    "PNG animated": ("png", lambda: _animated("PNG")),
    "WebP lossy": ("webp", lambda: encoded(scene(), "WEBP", quality=90)),
    "WebP lossless": ("webp", lambda: encoded(scene(), "WEBP", lossless=True)),
    "WebP with alpha": ("webp", lambda: encoded(scene(), "WEBP", "RGBA", lossless=True)),
    "WebP animated": ("webp", lambda: _animated("WEBP", lossless=True)),
    "GIF": ("gif", lambda: encoded(_palette(), "GIF")),
    "GIF animated": ("gif", lambda: _animated("GIF")),
    "BMP": ("bmp", lambda: encoded(scene(), "BMP")),
    "BMP with a palette": ("bmp", lambda: encoded(_palette(), "BMP")),
    "TIFF": ("tiff", lambda: encoded(scene(), "TIFF")),
    "TIFF with LZW": ("tiff", lambda: encoded(scene(), "TIFF", compression="tiff_lzw")),
    "TIFF with JPEG": ("tiff", lambda: encoded(scene(), "TIFF", compression="jpeg", quality=92)),
    "TIFF of CMYK": ("tiff", lambda: encoded(scene(), "TIFF", "CMYK")),
    "TIFF of several pages": ("tiff", lambda: _animated("TIFF")),
    "AVIF": ("avif", lambda: encoded(scene(), "AVIF", quality=90, speed=10)),
    "HEIC": ("heif", lambda: encoded(scene(), "HEIF", quality=90)),
    "HEIC by its container's name": ("heif", lambda: encoded(scene(), "HEIF", quality=90).replace(b"heic", b"mif1", 1)),
}
"""Each kind of file that shows the scene, with the format that it is of."""

GREY: dict[str, tuple[str, Callable[[], bytes]]] = {
    "JPEG of grey": ("jpeg", lambda: encoded(_grey(), "JPEG", quality=92)),
    "PNG of grey": ("png", lambda: encoded(_grey(), "PNG")),
    "PNG of grey with alpha": ("png", lambda: encoded(_grey(), "PNG", "LA")),
    "PNG of 16-bit grey": ("png", lambda: png(_sixteen(_grey()))),
    "WebP of grey": ("webp", lambda: encoded(_grey(), "WEBP", quality=90)),
    "BMP of grey": ("bmp", lambda: encoded(_grey(), "BMP")),
    "TIFF of grey": ("tiff", lambda: encoded(_grey(), "TIFF")),
    "TIFF of 16-bit grey": ("tiff", lambda: encoded(_sixteen(_grey()), "TIFF")),
    "TIFF of 16-bit grey, big-endian": ("tiff", lambda: big_endian_tiff(_sixteen(_grey()))),
    "TIFF of 32-bit grey": ("tiff", lambda: encoded(_grey().astype(np.int32) * 257, "TIFF")),
    "TIFF of floating-point grey": ("tiff", lambda: encoded(_grey().astype(np.float32) / 255, "TIFF")),
}
"""Each kind of file that shows the scene in grey."""


def big_endian_tiff(samples: Array) -> bytes:
    """Return a TIFF of 16-bit grey, most significant byte first."""
    height, width = samples.shape
    data = samples.astype(">u2").tobytes()
    tags = ((256, width), (257, height), (258, 16), (259, 1), (262, 1), (273, 512), (277, 1), (278, height))
    entries = [*tags, (279, len(data))]
    directory = b"".join(struct.pack(">HHII", tag, 4, 1, value) for tag, value in entries)
    return (b"MM\0*" + struct.pack(">IH", 8, len(entries)) + directory).ljust(512, b"\0") + data


def with_giant_header(format: str) -> bytes:
    """Return a small file whose header promises a picture that no machine here could decode."""
    side = 60_000
    match format:
        case "jpeg":
            content = encoded(scene(), "JPEG")
            at = content.index(b"\xff\xc0") + 5
            return content[:at] + struct.pack(">HH", side, side) + content[at + 4 :]
        case "png":
            header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
            content = encoded(scene(), "PNG")
            return content[:8] + png_chunk(b"IHDR", header) + content[33:]
        case "gif":
            content = encoded(_palette(), "GIF")
            return content[:6] + struct.pack("<HH", side, side) + content[10:]
        case "bmp":
            content = encoded(scene(), "BMP")
            return content[:18] + struct.pack("<ii", side, side) + content[26:]
        case "tiff":
            rgb = ((256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1))
            return tiff((*rgb, (273, 4, 1, 512), (277, 3, 1, 1), (278, 4, 1, side), (279, 4, 1, 99)), bytes(99))
        case "webp":
            largest = (16383 - 1) | (16383 - 1) << 14  # 14 bits each, https://developers.google.com/speed/webp
            content = encoded(scene(), "WEBP", lossless=True)
            return content[:21] + struct.pack("<I", largest) + content[25:]
        case "avif" | "heif":
            content = encoded(scene(64, 64), format.upper())  # both sides of whole coding units: no crop
            at = content.index(b"ispe") + 8  # after the box's name, version and flags
            return content[:at] + struct.pack(">II", 16_000, 16_000) + content[at + 8 :]
    raise ValueError(format)


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box of ISO/IEC 14496-12, the unit of HEIC and AVIF files."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body
