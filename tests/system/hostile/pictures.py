"""Make picture files that are built to do harm: bombs, files with false headers, chimeras."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.pictures import encoded, png_chunk, scene, tiff, with_giant_header

PNG_START = b"\x89PNG\r\n\x1a\n"
BOMB_PX = 5600
"""31 megapixels: fewer than the limit of pixels, and more than memory has room for, but as a JPEG."""


def bomb(format: str, side: int = BOMB_PX) -> bytes:
    """Return a few kilobytes that unpack to a picture of one colour, ``side`` pixels wide and high."""
    picture = Image.new("L", (side, side), 200)
    match format:
        case "png":
            return png_of_zeros(side, side)
        case "tiff":
            return encoded(picture.convert("RGB"), "TIFF", compression="tiff_adobe_deflate")
        case "bmp":
            return rle_bmp(side)
        case "webp":
            return encoded(picture.convert("RGB"), "WEBP", lossless=True, method=0)
        case "gif":
            return encoded(picture, "GIF")
        case "jpeg":
            return encoded(picture, "JPEG", quality=20)
    return with_giant_header(format)


def png_of_zeros(width: int, height: int) -> bytes:
    """Return a grey PNG whose pixels are all zero: a thousandth of them in bytes."""
    packer, line = zlib.compressobj(9), bytes(width + 1)
    data = b"".join([packer.compress(line) for _ in range(height)] + [packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return PNG_START + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def rle_bmp(side: int) -> bytes:
    """Return a BMP of run-length coding that ends immediately: all pixels are the background."""
    palette, coded = bytes(4 * 256), b"\0\1"
    offset = 14 + 40 + len(palette)
    head = struct.pack("<2sIHHI", b"BM", offset + len(coded), 0, 0, offset)
    return head + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(coded), 0, 0, 256, 0) + palette + coded


def png_with_bomb_in(kind: bytes) -> bytes:
    """Return a small PNG with a text or a profile that unpacks to 200 MB."""
    packer, zeros = zlib.compressobj(9), bytes(1 << 20)
    data = b"".join([packer.compress(zeros) for _ in range(200)] + [packer.flush()])
    plain = encoded(scene(), "PNG")
    return plain[:33] + png_chunk(kind, b"a\0\0" + data) + plain[33:]


def jpeg_of_scans(scans: int = 500) -> bytes:
    """Return a progressive JPEG of many empty passes, each of which goes over all its pixels."""
    content = encoded(Image.new("L", (2000, 2000)), "JPEG", progressive=True)
    start = content.rindex(b"\xff\xda")
    return content[:start] + content[start:-2] * scans + content[-2:]


def sequential_jpeg_of_scans(scans: int, side: int = 64) -> bytes:
    """Return a JPEG that is not progressive, of empty scans of one component each: ten bytes a scan."""
    content = encoded(scene(), "JPEG")
    head = bytearray(content[: content.index(b"\xff\xda")])
    at = head.index(b"\xff\xc0") + 5
    head[at : at + 4] = struct.pack(">HH", side, side)
    coded = (struct.pack(">BBHBBBBBB", 0xFF, 0xDA, 8, 1, 1 + index % 3, 0, 0, 63, 0) for index in range(scans))
    return bytes(head) + b"".join(coded) + b"\xff\xd9"


def avif_that_declares_less(side: int = 3000) -> bytes:
    """Return an AVIF whose container declares 64 x 64 pixels, and whose coded picture has more."""
    content = encoded(Image.new("RGB", (side, side), "teal"), "AVIF", speed=10)
    at = content.index(b"ispe") + 8
    return content[:at] + struct.pack(">II", 64, 64) + content[at + 8 :]


def png_with_bad_text() -> bytes:
    """Return a PNG whose remark has a wrong checksum."""
    plain = encoded(scene(), "PNG")
    return plain[:33] + png_chunk(b"tEXt", b"Title\0garden")[:-4] + bytes(4) + plain[33:]


def frames(format: str, number: int) -> bytes:
    """Return an animation of many frames, each of 8 x 8 pixels."""
    pictures: Iterator[Image.Image] = (
        Image.new("RGB", (8, 8), (index % 256, index // 256, 9)) for index in range(number)
    )
    first = next(pictures)
    return encoded(first, format, save_all=True, append_images=list(pictures))


def looping_tiff() -> bytes:
    """Return a TIFF whose directory names itself as the next directory."""
    grey = ((258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 512), (277, 3, 1, 1), (278, 4, 1, 8))
    content = bytearray(tiff(((256, 4, 1, 8), (257, 4, 1, 8), *grey, (279, 4, 1, 64)), bytes(64)))
    content[10 + 9 * 12 : 14 + 9 * 12] = struct.pack("<I", 8)
    return bytes(content)


def animated_png_that_lies() -> bytes:
    """Return a PNG that promises four thousand million frames."""
    plain = encoded(scene(), "PNG")
    return plain[:33] + png_chunk(b"acTL", struct.pack(">II", 0xFFFFFFFF, 0)) + plain[33:]


def png_and_zip() -> bytes:
    """Return a PNG that is also a ZIP, for a reader that begins at the end."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("evil.sh", "#!/bin/sh\nrm -rf ~\n")
    return encoded(scene(), "PNG") + content.getvalue()


def jpeg_and_page() -> bytes:
    """Return a JPEG that a careless browser would run as a page."""
    return encoded(scene(), "JPEG", comment="<html><script>alert(1)</script></html>")


def gif_and_script() -> bytes:
    """Return a file that is JavaScript and begins like a GIF (width 0x2F2A is a comment's beginning)."""
    return b"GIF89a/*" + bytes(60) + b"*/=1;alert(1)//"


def pdf_and_jpeg() -> bytes:
    """Return a PDF with a JPEG behind it."""
    return b"%PDF-1.7\n1 0 obj<<>>endobj\n" + encoded(scene(), "JPEG")


def png_of_text(text: str) -> bytes:
    """Return a PNG with a remark."""
    texts = PngInfo()
    texts.add_text("Comment", text)
    return encoded(scene(), "PNG", pnginfo=texts)


def png_of_size(width: int, height: int) -> bytes:
    """Return a PNG whose header declares another size than its pixels have."""
    plain = encoded(scene(), "PNG")
    return plain[:8] + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + plain[33:]


def cut(content: bytes) -> bytes:
    """Return the first half of a file."""
    return content[: len(content) // 2]


def turned_upside_down_bmp() -> bytes:
    """Return a BMP whose width is negative."""
    content = encoded(scene(), "BMP")
    return content[:18] + struct.pack("<i", -64) + content[22:]
