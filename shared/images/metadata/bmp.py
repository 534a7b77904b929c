"""BMP: bytes that neither the header nor a pixel needs become zero, and those after the pixels are removed.

Format: https://learn.microsoft.com/windows/win32/gdi/bitmap-storage
"""

from __future__ import annotations

import struct

import numpy as np

RAW, FIELDS = 0, 3
RLE = {1: 8, 2: 4}
"""Run-length codings, with their bits for each pixel."""

CORE, INFO, WITH_MASKS = 12, 40, 56
"""Bytes of the header: OS/2's, Windows', and Windows' with masks, which colour spaces and profiles follow."""

MAX_CODED_BYTES = 4 << 20
"""Limit of run-length codes, which are read byte by byte."""


def strip_bmp(content: bytes) -> bytes:
    """Return a BMP with its header, its palette and its pixels.

    Raises:
        ValueError: the end of its coded pixels cannot be found.
        struct.error: it ends within its header.
    """
    out = bytearray(content)
    offset, size = struct.unpack_from("<II", content, 10)
    out[6:10] = bytes(4)
    if size == CORE:
        width, height, _, bits = struct.unpack_from("<HHHH", content, 18)
        compression, colours, entry = RAW, 0, 3
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", content, 18)
        [colours] = struct.unpack_from("<I", content, 46)
        entry = 4
    header_end = 14 + size
    read = WITH_MASKS if compression == FIELDS else INFO
    if size > read:
        out[14 + read : header_end] = bytes(size - read)
    masks = 12 if compression == FIELDS and size == INFO else 0
    number = min(colours or 1 << bits, 1 << bits) if bits <= 8 else 0
    palette_end = header_end + masks + number * entry
    if palette_end < offset:
        out[palette_end:offset] = bytes(offset - palette_end)
    if entry == 4:
        for at in range(header_end + masks, min(palette_end, offset), 4):
            out[at + 3] = 0
    if compression in RLE:
        end = _after_runs(content, offset, bits_of_a_pixel=RLE[compression])
    else:
        end = _after_lines(out, offset, abs(width), abs(height), bits, is_raw=compression == RAW)
    del out[end:]
    out[2:6] = struct.pack("<I", len(out))
    return bytes(out)


def _after_lines(out: bytearray, offset: int, width: int, height: int, bits: int, *, is_raw: bool) -> int:
    """Set the padding of lines and of pixels of 32 bits to zero, and return the offset of the lines' end."""
    used, stride = -(-width * bits // 8), (width * bits + 31) // 32 * 4
    end = offset + stride * height
    if end > len(out):
        raise ValueError("its pixels end after the file")
    lines = np.frombuffer(out, np.uint8, stride * height, offset).reshape(height, stride)
    lines[:, used:] = 0
    if bits < 8 and width * bits % 8:
        lines[:, used - 1] &= 0xFF << (8 - width * bits % 8) & 0xFF
    if bits == 32 and is_raw:
        lines[:, 3::4] = 0
    return end


def _after_runs(content: bytes, at: int, *, bits_of_a_pixel: int) -> int:
    """Return the offset of the end of run-length coded pixels, which is after their end mark."""
    if len(content) - at > MAX_CODED_BYTES:
        raise ValueError("it has too many runs")
    while at + 1 < len(content):
        run, value = content[at], content[at + 1]
        at += 2
        if run:
            continue
        if value == 1:
            return at
        if value == 2:
            at += 2
        elif value:
            at += -(-(value * bits_of_a_pixel) // 8) + 1 & ~1
    return len(content)
