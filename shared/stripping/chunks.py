"""Files that are lists of named chunks: PNG (https://www.w3.org/TR/png-3) and WebP (RFC 9649)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from shared.stripping.orientation import UPRIGHT, exif_of

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs acTL fcTL fdAT".split()
)
PNG_PIXELS = (b"tRNS", b"sBIT")
"""Ancillary chunks that say what a pixel's numbers mean."""

WEBP_KEPT = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
HAS_XMP, HAS_EXIF = 0x04, 0x08
"""Flags in WebP's ``VP8X``."""

FRAME_HEADER_BYTES = 16
"""Of WebP's ``ANMF``; chunks follow it."""


def without_ancillary_chunks(content: bytes) -> bytes | None:
    """Return a PNG with the chunks that its pixels are made of, and its EXIF; None where there are no others.

    Whether a chunk may be passed over, its name says (https://www.w3.org/TR/png-3, 5.4). What follows a chunk that is
    no chunk is left as it is, for the decoder to judge.
    """
    kept, at = bytearray(PNG_START), len(PNG_START)
    while at + 12 <= len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        end = at + 12 + length
        is_critical = not kind[0] & 0x20
        if end > len(content) or is_critical or kind in PNG_PIXELS or (kind == b"eXIf" and _is_sound(content, at, end)):
            kept += content[at:end]
        at = end
    kept += content[at:]
    return bytes(kept) if len(kept) < len(content) else None


def _is_sound(content: bytes, at: int, end: int) -> bool:
    return zlib.crc32(content[at + 4 : end - 4]) == int.from_bytes(content[end - 4 : end])


def stripped_png(content: bytes, orientation: int) -> bytes:
    """Return a PNG with the chunks that show the picture, and one of EXIF where it must be turned.

    Raises:
        ValueError: it is no list of chunks.
    """
    kept, at = bytearray(PNG_START), len(PNG_START)
    exif = b"" if orientation == UPRIGHT else _png_chunk(b"eXIf", exif_of(orientation))
    while at < len(content):
        length, kind = struct.unpack(">I4s", _exactly(content, at, 8))
        end = at + 12 + length
        if kind == b"IDAT":
            kept += exif
            exif = b""
        if kind in PNG_KEPT:
            kept += content[at:end]
        if kind == b"IEND":
            break
        at = end
    return bytes(kept)


def stripped_webp(content: bytes, orientation: int) -> bytes:
    """Return a WebP with the chunks that show the picture, and one of EXIF where it must be turned.

    Raises:
        ValueError: it is no list of chunks.
    """
    size = int.from_bytes(content[4:8], "little")
    kept = bytearray()
    for kind, body in _webp_chunks(content[12 : 8 + size]):
        match kind:
            case b"VP8X":
                flags = body[0] & ~(HAS_XMP | HAS_EXIF) | (0 if orientation == UPRIGHT else HAS_EXIF)
                kept += _webp_chunk(kind, bytes([flags]) + body[1:])
            case b"ANMF":
                inside = bytearray(body[:FRAME_HEADER_BYTES])
                for each in _webp_chunks(body[FRAME_HEADER_BYTES:]):
                    inside += _webp_chunk(*each)
                kept += _webp_chunk(kind, bytes(inside))
            case _:
                kept += _webp_chunk(kind, body)
    if orientation != UPRIGHT:
        kept += _webp_chunk(b"EXIF", exif_of(orientation))
    return b"RIFF" + struct.pack("<I", len(kept) + 4) + b"WEBP" + kept


def _webp_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of those that show the picture."""
    at = 0
    while at + 8 <= len(content):
        kind, length = struct.unpack("<4sI", content[at : at + 8])
        if kind in WEBP_KEPT:
            yield kind, _exactly(content, at + 8, length)
        at += 8 + length + length % 2


def _webp_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _exactly(content: bytes, at: int, length: int) -> bytes:
    found = content[at : at + length]
    if len(found) != length:
        raise ValueError(f"a chunk ends after the file, at byte {at + length}")
    return found
