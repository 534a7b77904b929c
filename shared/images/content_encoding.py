"""A file as it was before it was packed for the way: what ``Content-Encoding`` names is undone, within a limit."""

from __future__ import annotations

import zlib

from shared.errors import TooManyBytes, WrongEncoding
from shared.images.headers.file_kinds import kind_of

GZIP, ZLIB, RAW_DEFLATE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
"""``wbits`` of ``zlib.decompressobj`` for RFC 1952, 1950 and 1951."""

SHAPES = {"gzip": (GZIP,), "x-gzip": (GZIP,), "deflate": (ZLIB, RAW_DEFLATE)}
"""What each coding may look like (RFC 9110, 8.4.1); many write ``deflate`` without zlib's frame around it."""

MOST_CODINGS = 5
MOST_MEMBERS = 10_000
"""Of a gzip file; tools that pack in blocks write one for each 64 KiB."""

PIECE_BYTES = 64 * 1024


def codings_of(encoding: str | None) -> list[str]:
    """Return the codings that a ``Content-Encoding`` names, in the order in which they were applied.

    ``identity`` is none, and neither is an empty name.
    """
    names = (name.strip().lower() for name in (encoding or "").split(","))
    return [name for name in names if name not in ("", "identity")]


def bytes_held(size_bytes: int, encoding: str | None, max_bytes: int) -> int:
    """Return for how many bytes a file must find room before it is unpacked: all that it may become.

    Args:
        size_bytes: of the file as it is stored.
        encoding: its ``Content-Encoding``.
        max_bytes: the limit that ``unpacked`` will have.
    """
    return max(size_bytes, max_bytes) if codings_of(encoding) else size_bytes


def unpacked(content: bytes, encoding: str | None, max_bytes: int) -> bytes:
    """Undo a file's ``Content-Encoding``; never more than ``max_bytes`` are unpacked, whatever they claim.

    gzip and deflate are undone, also several of them. Any other name is passed over where the bytes are plainly a
    picture: programs leave names such as ``aws-chunked`` on files that are not packed. What was cut off while packed
    comes out as far as it goes, for the decoder to judge.

    Args:
        content: the file as it is stored.
        encoding: its ``Content-Encoding``; None or empty where it has none.
        max_bytes: of the file, unpacked.

    Raises:
        WrongEncoding: the bytes are not what the encoding says, or it is one that is not undone here.
        TooManyBytes: over ``max_bytes``.
    """
    codings = codings_of(encoding)
    if len(codings) > MOST_CODINGS:
        raise WrongEncoding(
            f"The file's Content-Encoding names {len(codings)} codings, expected at most {MOST_CODINGS}; upload the "
            "picture as it is, without one."
        )
    for coding in reversed(codings):
        if coding in SHAPES:
            content = _undone(content, coding, max_bytes)
        elif kind_of(content) is None:
            raise WrongEncoding(
                "The file's Content-Encoding is none of those that are undone here (gzip, deflate), and its "
                f"{len(content):,} bytes are no picture as they are; upload the picture as it is, without one."
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
        f"The file's bytes are not what its Content-Encoding says ({coding}); upload it without a Content-Encoding, or "
        "packed as that says."
    )


def _inflated(content: bytes, shape: int, max_bytes: int) -> bytes:
    """Return what zlib makes of it; gzip may have several members, one behind the other (RFC 1952, 2.2)."""
    parts: list[bytes] = []
    at, room = 0, max_bytes + 1
    for _ in range(MOST_MEMBERS):
        try:
            at = _unpack_member(content, at, shape, room, parts)
        except zlib.error:
            if not parts:
                raise
            break  # behind a whole member lies something else, which gzip itself passes over
        room -= len(parts[-1])
        if room <= 0:
            raise _too_many(max_bytes)
        if at >= len(content) or shape != GZIP:
            break
    return b"".join(parts)


def _unpack_member(content: bytes, at: int, shape: int, room: int, parts: list[bytes]) -> int:
    """Append at most ``room`` bytes of one stream to ``parts``. Returns where the next one begins.

    It is fed in pieces, since zlib copies what follows a stream's end: all of it, for each of many small members.
    """
    stream = zlib.decompressobj(shape)
    out = bytearray()
    while at < len(content) and not stream.eof and len(out) < room:
        piece = content[at : at + PIECE_BYTES]
        out += stream.decompress(piece, room - len(out))
        at += len(piece) - len(stream.unused_data)
    if not out and not stream.eof:
        raise zlib.error("nothing comes out of it")
    parts.append(bytes(out))
    return at


def _too_many(max_bytes: int) -> TooManyBytes:
    return TooManyBytes(f"The file unpacks to more than the limit of {max_bytes:,} bytes; upload a smaller one.")
