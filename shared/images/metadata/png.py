"""PNG (https://www.w3.org/TR/png-3): chunks that show the picture are kept, without bytes that decoders ignore."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.images.metadata.colour_profile import profile_of
from shared.images.metadata.orientation import UPRIGHT, exif_of

START = b"\x89PNG\r\n\x1a\n"
PIXELS = (b"tRNS", b"sBIT")
"""Ancillary chunks that define what a pixel's numbers mean."""

LENGTHS = {b"cHRM": 32, b"gAMA": 4, b"sRGB": 1, b"cICP": 4, b"mDCV": 24, b"cLLI": 8, b"pHYs": 9, b"acTL": 8}
"""Lengths of chunks that define how the picture is shown; each is kept once, if it has this length."""

SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of each pixel, by colour type."""

SBIT_BYTES = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
BKGD_BYTES = {0: 2, 2: 6, 3: 1, 4: 2, 6: 6}
TRNS_BYTES = {0: 2, 2: 6}
FRAME_BYTES = 26
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""First row and column of each pass of an interlaced picture, and the steps from there."""

MAX_PROFILE_BYTES = 1 << 20
PIECE_BYTES = 1 << 16


def without_ancillary_chunks(content: bytes) -> bytes | None:
    """Return a PNG with only the chunks of its pixels and its EXIF; None if it has no other chunks.

    A chunk's name defines whether it may be ignored (5.4). Bytes after a malformed chunk are kept, and the decoder
    judges them.
    """
    kept, at = bytearray(START), len(START)
    while at + 12 <= len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        end = at + 12 + length
        is_critical = not kind[0] & 0x20
        if end > len(content) or is_critical or kind in PIXELS or (kind == b"eXIf" and _is_sound(content, at, end)):
            kept += content[at:end]
        at = end
    kept += content[at:]
    return bytes(kept) if len(kept) < len(content) else None


def strip_png(content: bytes, orientation: int) -> bytes:
    """Return a PNG with the chunks that show the picture, and one of EXIF where it must be turned.

    Raises:
        ValueError: it is not a list of chunks, or its packed pixels are more than the picture has.
        struct.error: its header is cut short.
    """
    picture: _Picture | None = None
    out, seen = bytearray(START), set[bytes]()
    exif = b"" if orientation == UPRIGHT else chunk(b"eXIf", exif_of(orientation))
    for kind, body in _chunks(content):
        if kind == b"IHDR" and picture is None:
            picture = _Picture.of(body)
            out += chunk(kind, body[:13])
        elif picture is None:
            raise ValueError("it does not begin with its header")
        elif kind == b"IDAT":
            out += exif + picture.pixels(kind, body)
            exif = b""
        elif kind == b"fcTL" and b"acTL" in seen:
            picture.begin_frame(body)
            out += chunk(kind, body)
        elif kind == b"fdAT" and b"acTL" in seen:
            out += picture.pixels(kind, body[4:], body[:4])
        elif kind not in seen and (shown := picture.shown(kind, body)) is not None:
            seen.add(kind)
            out += chunk(kind, shown)
    return bytes(out + chunk(b"IEND", b""))


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk, with its length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@dataclass(slots=True)
class _Stream:
    """Packed pixels that come in pieces; bytes after their end are removed."""

    expected_bytes: int
    packed: zlib._Decompress = field(default_factory=zlib.decompressobj)

    def part(self, body: bytes) -> bytes:
        """Return the part of a piece that belongs to the stream."""
        if self.packed.eof:
            return b""
        rest = body
        while rest and not self.packed.eof:
            self.expected_bytes -= len(self.packed.decompress(rest, PIECE_BYTES))
            rest = self.packed.unconsumed_tail
            if self.expected_bytes < 0:
                raise ValueError("there are more pixels than the picture has")
        return body[: len(body) - len(self.packed.unused_data)]


@dataclass(slots=True)
class _Picture:
    """The header of a PNG, and the streams of its pixels."""

    width: int
    height: int
    depth: int
    colour: int
    is_interlaced: bool
    stream: _Stream
    frame: _Stream | None = None

    @classmethod
    def of(cls, header: bytes) -> _Picture:
        width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header[:13])
        made = cls(width, height, depth, colour, bool(interlaced), _Stream(0))
        made.stream = _Stream(made.bytes_of(width, height))
        return made

    def bytes_of(self, width: int, height: int) -> int:
        """Return the bytes of a picture of this kind and size, with a filter's byte for each line."""
        bits = self.depth * SAMPLES[self.colour]
        total = 0
        for row, column, down, across in ADAM7 if self.is_interlaced else ((0, 0, 1, 1),):
            wide, high = -(-(width - column) // across), -(-(height - row) // down)
            if wide > 0 and high > 0:
                total += high * (1 + -(-wide * bits // 8))
        return total

    def begin_frame(self, body: bytes) -> None:
        if len(body) != FRAME_BYTES or body[24] > 2 or body[25] > 1:
            raise ValueError("a frame's chunk has a wrong length or an unknown mode")
        width, height, left, upper = struct.unpack(">IIII", body[4:20])
        if left + width > self.width or upper + height > self.height:
            raise ValueError("a frame is not inside the picture")
        self.frame = _Stream(self.bytes_of(width, height))

    def pixels(self, kind: bytes, body: bytes, number: bytes = b"") -> bytes:
        stream = self.stream if kind == b"IDAT" else self.frame
        if stream is None:
            raise ValueError("a frame's pixels come before its control chunk")
        part = stream.part(body)
        return chunk(kind, number + part) if part else b""

    def shown(self, kind: bytes, body: bytes) -> bytes | None:
        """Return the part that decoders read of a chunk that defines how pixels are shown; None for any other."""
        match kind:
            case b"iCCP":
                return _profile(body)
            case b"PLTE" if self.colour == 3 and len(body) <= 3 << self.depth:
                return body
            case b"tRNS" if self.colour == 3 and len(body) <= 1 << self.depth:
                return body
            case b"tRNS" if len(body) == TRNS_BYTES.get(self.colour):
                return body
            case b"sBIT" if len(body) == SBIT_BYTES[self.colour]:
                return body
            case b"bKGD" if len(body) == BKGD_BYTES[self.colour]:
                return body
        return body if LENGTHS.get(kind) == len(body) else None


def _profile(body: bytes) -> bytes | None:
    """Return a colour profile under the name ``icc``; None if it is not a profile."""
    _, _, packed = body.partition(b"\0")
    try:
        profile = profile_of(zlib.decompressobj().decompress(packed[1:], MAX_PROFILE_BYTES))
    except zlib.error:
        return None
    return None if profile is None else b"icc\0\0" + zlib.compress(profile)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(START)
    while at < len(content):
        length, kind = struct.unpack(">I4s", exactly(content, at, 8))
        if kind == b"IEND":
            return
        yield kind, exactly(content, at + 8, length)
        at += 12 + length


def exactly(content: bytes, at: int, length: int) -> bytes:
    """Return exactly ``length`` bytes from an offset.

    Raises:
        ValueError: the file ends before them.
    """
    piece = content[at : at + length]
    if len(piece) != length:
        raise ValueError(f"a chunk ends after the file, at byte {at + length}")
    return piece


def _is_sound(content: bytes, at: int, end: int) -> bool:
    return zlib.crc32(content[at + 4 : end - 4]) == int.from_bytes(content[end - 4 : end])
