"""Undo a file's ``Content-Encoding`` within a limit."""

from __future__ import annotations

import zlib

from shared.errors import TooManyBytes, WrongEncoding
from shared.images.headers.file_kinds import kind_of

GZIP, ZLIB, RAW_DEFLATE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
"""``wbits`` of ``zlib.decompressobj`` for RFC 1952, 1950 and 1951."""

SHAPES = {"gzip": (GZIP,), "x-gzip": (GZIP,), "deflate": (ZLIB, RAW_DEFLATE)}
"""Formats that each coding may have (RFC 9110, 8.4.1); many programs write ``deflate`` without zlib's frame."""

MAX_CODINGS = 5
MAX_MEMBERS = 10_000
"""The most members of a gzip file; tools that pack in blocks write a member for each 64 KiB."""

PIECE_BYTES = 64 * 1024


def codings_of(encoding: str | None) -> list[str]:
    """Return the codings that a ``Content-Encoding`` names, in the order in which they were applied.

    ``identity`` and an empty name do not count.
    """
    names = (name.strip().lower() for name in (encoding or "").split(","))
    return [name for name in names if name not in ("", "identity")]


def bytes_held(size_bytes: int, encoding: str | None, max_bytes: int) -> int:
    """Return the bytes of memory to reserve for a file before it is unpacked: the most that it may become.

    Args:
        size_bytes: size of the file as it is stored.
        encoding: its ``Content-Encoding``.
        max_bytes: the limit that ``unpacked`` will get.
    """
    return max(size_bytes, max_bytes) if codings_of(encoding) else size_bytes


def unpacked(content: bytes, encoding: str | None, max_bytes: int) -> bytes:
    """Return a file without its ``Content-Encoding``; at most ``max_bytes`` are unpacked, whatever the file claims.

    gzip and deflate are undone, also several of them. Any other name is ignored if the bytes begin like an image:
    programs leave names such as ``aws-chunked`` on files that are not packed. A packed file that was cut off is
    unpacked to its end, and the decoder judges the result.

    Args:
        content: the file as it is stored.
        encoding: its ``Content-Encoding``; None or empty where it has none.
        max_bytes: limit of the unpacked file.

    Raises:
        WrongEncoding: the bytes do not match the encoding, or the encoding is not supported.
        TooManyBytes: the unpacked file is over ``max_bytes``.
    """
    codings = codings_of(encoding)
    if len(codings) > MAX_CODINGS:
        raise WrongEncoding(
            f"The file's Content-Encoding names {len(codings)} codings, expected at most {MAX_CODINGS}; upload the "
            "image without a Content-Encoding."
        )
    for coding in reversed(codings):
        if coding in SHAPES:
            content = _undone(content, coding, max_bytes)
        elif kind_of(content) is None:
            raise WrongEncoding(
                "The file's Content-Encoding is not one of those that are supported (gzip, deflate), and its "
                f"{len(content):,} bytes do not begin like an image; upload the image without a Content-Encoding."
            )
    if len(content) > max_bytes:
        raise _too_many(max_bytes)
    return content


def _undone(content: bytes, coding: str, max_bytes: int) -> bytes:
    for shape in SHAPES[coding]:
        try:
            return _inflated(content, shape, max_bytes)
        except zlib.error:
            continue
    raise WrongEncoding(
        f"The file's bytes do not match its Content-Encoding ({coding}); upload it without a Content-Encoding, or "
        "packed in that way."
    )


def _inflated(content: bytes, shape: int, max_bytes: int) -> bytes:
    """Return the unpacked bytes; a gzip file may have several members, one after the other (RFC 1952, 2.2)."""
    parts: list[bytes] = []
    at, room = 0, max_bytes + 1
    for _ in range(MAX_MEMBERS):
        try:
            at = _unpack_member(content, at, shape, room, parts)
        except zlib.error:
            if not parts:
                raise
            break  # after a whole member come other bytes, which gzip itself ignores
        room -= len(parts[-1])
        if room <= 0:
            raise _too_many(max_bytes)
        if at >= len(content) or shape != GZIP:
            break
    return b"".join(parts)


def _unpack_member(content: bytes, at: int, shape: int, room: int, parts: list[bytes]) -> int:
    """Append at most ``room`` bytes of one stream to ``parts``, and return the offset of the next stream.

    The stream is read in pieces, since zlib copies what follows its end: the rest of the file for each small member.
    """
    stream = zlib.decompressobj(shape)
    out = bytearray()
    while at < len(content) and not stream.eof and len(out) < room:
        piece = content[at : at + PIECE_BYTES]
        out += stream.decompress(piece, room - len(out))
        at += len(piece) - len(stream.unused_data)
    if not out and not stream.eof:
        raise zlib.error("the stream has no content")
    parts.append(bytes(out))
    return at


def _too_many(max_bytes: int) -> TooManyBytes:
    return TooManyBytes(f"The file unpacks to more than the limit of {max_bytes:,} bytes; upload a smaller one.")
