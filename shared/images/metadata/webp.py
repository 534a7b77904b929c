"""WebP (RFC 9649): a list of chunks, of which those that show the picture stay."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from shared.images.metadata.colour_profile import profile_of
from shared.images.metadata.orientation import UPRIGHT, exif_of
from shared.images.metadata.png import exactly

HAS_ANIMATION, HAS_EXIF, HAS_ALPHA, HAS_ICC = 0x02, 0x08, 0x10, 0x20
"""Flags in WebP's ``VP8X``."""

HEADER_BYTES, ANIMATION_BYTES, FRAME_HEADER_BYTES = 10, 6, 16
"""Bytes of ``VP8X``, ``ANIM`` and ``ANMF``; after the latter come chunks."""

PICTURE = (b"VP8 ", b"VP8L")


def strip_webp(content: bytes, orientation: int) -> bytes:
    """Return a WebP with the chunks that show the picture, and one of EXIF where it must be turned.

    Raises:
        ValueError: it is not a list of chunks, or has two chunks of a kind that must be unique.
        IndexError: its header is empty.
    """
    size = int.from_bytes(content[4:8], "little")
    chunks = list(_chunks(content[12 : 8 + size]))
    kind, header = chunks[0]
    kept = bytearray()
    if kind in PICTURE:
        kept += _chunk(kind, header)  # decoders read nothing else of a simple file
    else:
        has_profile = any(name == b"ICCP" and profile_of(body) is not None for name, body in chunks)
        flags = header[0] & (HAS_ANIMATION | HAS_ALPHA) | (HAS_ICC if has_profile else 0)
        flags |= 0 if orientation == UPRIGHT else HAS_EXIF
        kept += _chunk(kind, bytes([flags, 0, 0, 0]) + header[4:HEADER_BYTES])
        kept += _shown(chunks[1:], flags)
    if orientation != UPRIGHT:
        kept += _chunk(b"EXIF", exif_of(orientation))
    return b"RIFF" + struct.pack("<I", len(kept) + 4) + b"WEBP" + kept


def _shown(chunks: list[tuple[bytes, bytes]], flags: int) -> bytes:
    names = [name for name, _ in chunks]
    if any(names.count(name) > 1 for name in (b"ICCP", b"ANIM")):
        raise ValueError("it has two colour profiles, or two animations")
    kept = bytearray()
    for name, body in chunks:
        if name == b"ICCP" and (profile := profile_of(body)) is not None:
            kept += _chunk(name, profile)
        elif name == b"ANIM" and flags & HAS_ANIMATION:
            kept += _chunk(name, body[:ANIMATION_BYTES])
        elif name == b"ANMF" and flags & HAS_ANIMATION:
            inside = _one_picture(_chunks(body[FRAME_HEADER_BYTES:]), flags)
            kept += _chunk(name, body[:FRAME_HEADER_BYTES] + inside)
    return bytes(kept) if flags & HAS_ANIMATION else bytes(kept) + _one_picture(iter(chunks), flags)


def _one_picture(chunks: Iterator[tuple[bytes, bytes]], flags: int) -> bytes:
    """Return a picture's chunks: the transparency of a lossy picture, and the pixels."""
    parts_by_name: dict[bytes, bytes] = {}
    for name, body in chunks:
        if name in parts_by_name:
            raise ValueError(f"a picture has two chunks {name!r}")
        if name in (*PICTURE, b"ALPH"):
            parts_by_name[name] = body
    [pixels] = [name for name in PICTURE if name in parts_by_name]
    has_alpha = b"ALPH" in parts_by_name and pixels == b"VP8 " and flags & HAS_ALPHA
    return (_chunk(b"ALPH", parts_by_name[b"ALPH"]) if has_alpha else b"") + _chunk(pixels, parts_by_name[pixels])


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(content):
        kind, length = struct.unpack("<4sI", content[at : at + 8])
        yield kind, exactly(content, at + 8, length)
        at += 8 + length + length % 2


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
