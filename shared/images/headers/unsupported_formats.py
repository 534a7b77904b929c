"""Formats that are not supported: whole image files of another format, or of another variant of a known one."""

from __future__ import annotations

import re
import struct

from shared.images.headers.file_kinds import kind_of
from shared.images.metadata.tiff import OFFSETS, Reader

RAW = "a camera's RAW file"
UNSUPPORTED = {
    re.compile(rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"): "a JPEG XL file",
    re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"): "a JPEG 2000 file",
    re.compile(
        rb"FUJIFILMCCD-RAW|.{4}ftypcrx |II(?:U\0|R[OS]|\x1a\0\0\0HEAPCCDR)|MMOR|\0MRM|FOVb|II\*\0.{4}CR", re.DOTALL
    ): RAW,
    re.compile(rb"8BPS"): "a Photoshop file",
    re.compile(rb".{128}DICM", re.DOTALL): "a DICOM file",
    re.compile(rb"\x89PNG\r\n\x1a\n.{4}CgBI", re.DOTALL): "a PNG as Xcode writes it for iOS (CgBI)",
}
"""Names of unsupported formats, by the file's first bytes."""

MAKE, COMPRESSION, PHOTOMETRIC, SAMPLES, BITS, SUB_DIRECTORIES, DNG = 271, 259, 262, 277, 258, 330, 50706
"""Tags of TIFF 6.0, and DNGVersion (Adobe's DNG 1.7)."""

COLOUR_FILTER, LINEAR_RAW = 32803, 34892
"""Photometric interpretations of DNG."""

COMPRESSIONS = frozenset((1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34925, 50000))
"""TIFF compressions that this Pillow decodes."""

PLAIN_BMP_COMPRESSIONS = (0, 1, 2)


def unsupported_format(content: bytes, *, is_opened: bool) -> str | None:
    """Return the name of a file's format if the file is whole and the format is not supported.

    Args:
        content: the whole file, which could not be decoded.
        is_opened: whether its header could be read, and only its pixels could not.

    Returns:
        None if the file is broken, truncated, or not an image.
    """
    for beginning, name in UNSUPPORTED.items():
        if beginning.match(content):
            return name
    try:
        match kind_of(content):
            case "tiff":
                return _unsupported_tiff(content, is_opened=is_opened)
            case "bmp":
                return _unsupported_bmp(content)
    except (ValueError, LookupError, struct.error):
        return None
    return None


def _unsupported_tiff(content: bytes, *, is_opened: bool) -> str | None:
    reader = Reader(memoryview(content))
    entries, _ = reader.directory(reader.first)

    def numbers(tag: int) -> list[int]:
        return reader.numbers(entries[tag]) if tag in entries else [1]

    if DNG in entries or numbers(PHOTOMETRIC)[0] in (COLOUR_FILTER, LINEAR_RAW):
        return RAW
    if MAKE in entries and SUB_DIRECTORIES in entries:
        return RAW
    extents = [
        (at, length)
        for offsets, lengths in OFFSETS.items()
        if offsets in entries
        for at, length in zip(numbers(offsets), numbers(lengths), strict=True)
    ]
    [compression, *_] = numbers(COMPRESSION)
    is_whole = bool(extents) and all(at + length <= len(content) for at, length in extents)
    if not is_whole or (is_opened and compression in COMPRESSIONS):
        return None
    bands, bits = numbers(SAMPLES)[0], numbers(BITS)[0]
    return f"a TIFF of {bands} bands of {bits} bits, compression {compression}, photometric {numbers(PHOTOMETRIC)[0]}"


def _unsupported_bmp(content: bytes) -> str | None:
    offset, size, width, height, _, bits, compression = struct.unpack_from("<IIiiHHI", content, 10)
    if size < 40 or compression in PLAIN_BMP_COMPRESSIONS:
        return None
    is_whole = offset + (abs(width) * bits + 31) // 32 * 4 * abs(height) <= len(content)
    return f"a BMP of {bits} bits, compression {compression}" if is_whole or compression > 3 else None
