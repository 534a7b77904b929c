"""Films in HEIC and AVIF (ISO/IEC 14496-12, 8): the samples of tracks of pictures are kept, other tracks are not."""

from __future__ import annotations

from collections.abc import Iterator

from shared.images.headers.boxes import Box, Extent, boxes, children
from shared.images.metadata.heif_parts import free, strip_coding, zero, zero_after

SHOWN_TRACKS = (b"pict", b"vide", b"auxv")
"""Handlers of tracks that are kept: pictures, films, and transparency."""

MAX_SAMPLES = 100_000

UNUSED = {
    b"mvhd": ((4, 12), (26, 36), (72, 96), (100, 1 << 30)),
    b"tkhd": ((4, 12), (16, 20), (24, 32), (38, 40), (84, 1 << 30)),
    b"mdhd": ((4, 12), (20, 1 << 30)),
}
"""Ranges of the times of creation and change, and of reserved bytes, in these boxes of version 0."""

STAYS = {
    b"moov": frozenset((b"mvhd", b"trak")),
    b"trak": frozenset((b"tkhd", b"edts", b"mdia", b"tref")),
    b"edts": frozenset((b"elst",)),
    b"mdia": frozenset((b"mdhd", b"hdlr", b"minf")),
    b"minf": frozenset((b"vmhd", b"nmhd", b"dinf", b"stbl")),
    b"dinf": frozenset((b"dref",)),
    b"stbl": frozenset((b"stsd", b"stts", b"stsc", b"stsz", b"stco", b"co64", b"stss", b"ctts", b"cslg")),
}
"""Boxes that are kept in each box; a box that is not a key has no boxes inside."""

ANY = 1 << 30
OF_AN_ENTRY = {b"av1C": ANY, b"hvcC": ANY, b"colr": ANY, b"pasp": 8, b"ccst": 8, b"auxi": 4, b"clap": 32, b"btrt": 12}
OF_AN_ENTRY |= {b"clli": 4, b"mdcv": 24}
"""With the bytes that decoders read of each; not the name in ``auxi``, which the track's handler makes redundant."""

ENTRY_BYTES = 78
"""Bytes of a film's sample entry before its boxes; 32 of them, from the 42nd, are its compressor's name."""


def film_extents(out: bytearray, moov: Box) -> Iterator[Extent]:
    """Yield the extents of the samples of each track of pictures.

    Raises:
        ValueError: a track is not well-formed.
        LookupError: a box is missing that is needed to find its samples.
    """
    for track in boxes(out, moov.body, moov.end):
        if track.kind == b"trak" and _is_shown(out, track):
            yield from _samples(out, _table(out, track))


def strip_film(out: bytearray, moov: Box) -> None:
    """Overwrite the metadata in a film's boxes.

    Raises:
        ValueError: the film is not well-formed.
        LookupError: a box is missing that is needed to find a track's handler.
    """
    for track in boxes(out, moov.body, moov.end):
        if track.kind == b"trak" and not _is_shown(out, track):
            free(out, track)
    _strip(out, moov)


def _strip(out: bytearray, parent: Box) -> None:
    for box in boxes(out, parent.body, parent.end):
        if box.kind not in STAYS[parent.kind]:
            free(out, box)
        elif box.kind in STAYS:
            _strip(out, box)
        elif box.kind in UNUSED:
            _zero_unused(out, box)
        elif box.kind == b"tref":
            for reference in boxes(out, box.body, box.end):
                zero_after(out, reference, 4)
        elif box.kind == b"hdlr":
            zero(out, box.body + 4, box.body + 8)
            zero(out, box.body + 12, box.end)
        elif box.kind == b"dref":
            for entry in boxes(out, box.body + 8, box.end):
                zero_after(out, entry, 4)
        elif box.kind == b"stsd":
            _strip_entries(out, box)
        elif (known_bytes := _bytes_of(out, box)) is not None:
            zero_after(out, box, known_bytes)


def _zero_unused(out: bytearray, box: Box) -> None:
    grown = 12 if out[box.body] else 0
    for start, end in UNUSED[box.kind]:
        if grown and start == 4:
            zero(out, box.body + 4, box.body + 20)
        elif grown and (box.kind, start) == (b"tkhd", 16):
            zero(out, box.body + 24, box.body + 28)
        else:
            zero(out, box.body + start + grown, min(box.end, box.body + end + grown))


def _strip_entries(out: bytearray, stsd: Box) -> None:
    for entry in boxes(out, stsd.body + 8, stsd.end):
        for start, end in ((0, 6), (8, 24), (36, 40), (42, 74)):
            zero(out, entry.body + start, entry.body + end)
        for box in boxes(out, entry.body + ENTRY_BYTES, entry.end):
            if box.kind in OF_AN_ENTRY:
                strip_coding(out, box)
                zero_after(out, box, OF_AN_ENTRY[box.kind])
            else:
                free(out, box)


def _bytes_of(out: bytearray, box: Box) -> int | None:
    """Return the number of bytes that decoders read of a table; None for a box that is not a table."""
    number = int.from_bytes(out[box.body + 4 : box.body + 8])
    match box.kind:
        case b"stts" | b"ctts":
            return 8 + 8 * number
        case b"stsc":
            return 8 + 12 * number
        case b"stco" | b"stss":
            return 8 + 4 * number
        case b"co64":
            return 8 + 8 * number
        case b"elst":
            return 8 + (20 if out[box.body] else 12) * number
        case b"stsz":
            return 12 + (0 if number else 4 * int.from_bytes(out[box.body + 8 : box.body + 12]))
        case b"vmhd":
            return 12
    return None


def _is_shown(out: bytearray, track: Box) -> bool:
    handler = children(out, children(out, track)[b"mdia"])[b"hdlr"]
    return bytes(out[handler.body + 8 : handler.body + 12]) in SHOWN_TRACKS


def _table(out: bytearray, track: Box) -> dict[bytes, Box]:
    box = track
    for kind in (b"mdia", b"minf", b"stbl"):
        box = children(out, box)[kind]
    return children(out, box)


def _samples(out: bytearray, table: dict[bytes, Box]) -> Iterator[Extent]:
    """Yield the extents of a track's chunks (8.7.3 to 8.7.5)."""
    chunks, width = (table[b"stco"], 4) if b"stco" in table else (table[b"co64"], 8)
    sizes = table[b"stsz"]
    same, number = _number(out, sizes.body + 4), _number(out, sizes.body + 8)
    if number > MAX_SAMPLES:
        raise ValueError(f"a film has {number} samples")
    starts = dict(_per_chunk(out, table[b"stsc"]))
    sample = samples = 0
    for chunk in range(min(_number(out, chunks.body + 4), MAX_SAMPLES)):
        start = _number(out, chunks.body + 8 + width * chunk, width)
        samples = starts.get(chunk + 1, samples)
        end = start
        for _ in range(min(samples, number - sample)):
            end += same or _number(out, sizes.body + 12 + 4 * sample)
            sample += 1
        yield Extent(start, end)
        if sample >= number:
            return


def _per_chunk(out: bytearray, stsc: Box) -> list[tuple[int, int]]:
    entries = range(stsc.body + 8, stsc.body + 8 + 12 * min(_number(out, stsc.body + 4), MAX_SAMPLES), 12)
    return [(_number(out, at), _number(out, at + 4)) for at in entries]


def _number(out: bytearray, at: int, width: int = 4) -> int:
    return int.from_bytes(out[at : at + width])
