"""Overwrite a box in extent: set parts of it to zero, or turn it into free space."""

from __future__ import annotations

from shared.images.headers.boxes import Box, Extent, NumberReader

NCLX_BYTES = 11
"""Bytes of a ``colr`` box that names its colours by numbers; others hold a colour profile."""


def free(out: bytearray, box: Box) -> None:
    """Turn a box into free space."""
    out[box.start + 4 : box.start + 8] = b"free"
    zero(out, box.body, box.end)


def zero(out: bytearray, start: int, end: int) -> None:
    """Set bytes to zero; nothing where the end comes before the start."""
    if end > start:
        out[start:end] = bytes(end - start)


def zero_after(out: bytearray, box: Box, read_bytes: int) -> None:
    """Set the bytes of a box to zero after those that decoders read."""
    zero(out, box.body + read_bytes, box.end)


def keep_bytes(out: bytearray, box: Box, extents: list[Extent]) -> None:
    """Set a box to zero except for some extents."""
    at = box.body
    for extent in sorted(extents, key=lambda extent: extent.start):
        zero(out, at, min(extent.start, box.end))
        at = max(at, min(extent.end, box.end))
    zero(out, at, box.end)


def strip_coding(out: bytearray, box: Box) -> None:
    """Set the bytes to zero that follow the colours, or a codec's settings, in a box.

    Raises:
        ValueError: the box ends within them.
    """
    if box.kind == b"colr" and out[box.body : box.body + 4] == b"nclx":
        zero_after(out, box, NCLX_BYTES)
    elif box.kind == b"hvcC":  # ISO/IEC 14496-15, 8.3.3.1
        numbers = NumberReader(out, box.body + 22, box.end)
        for _ in range(numbers.take(1)):
            numbers.take(1)
            for _ in range(numbers.take(2)):
                numbers.take(numbers.take(2))
        zero(out, numbers.at, box.end)
    elif box.kind == b"av1C":  # AV1 in ISOBMFF, 2.3.3: the sequence header, and any other units
        numbers = NumberReader(out, box.body + 4, box.end)
        if numbers.at < numbers.end and numbers.take(1) == SIZED_SEQUENCE_HEADER:
            numbers.take(_leb128(numbers))
            zero(out, numbers.at, box.end)
        else:
            zero(out, box.body + 4, box.end)


SIZED_SEQUENCE_HEADER = 0x0A


def _leb128(numbers: NumberReader) -> int:
    value, shift = 0, 0
    while (byte := numbers.take(1)) & 0x80:
        value |= (byte & 0x7F) << shift
        shift += 7
    return value | byte << shift
