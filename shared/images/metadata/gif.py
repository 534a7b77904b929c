"""GIF: a chain of blocks, of which those that show the picture stay.

Format: https://www.w3.org/Graphics/GIF/spec-gif89a.txt
"""

from __future__ import annotations

END = 0x3B
CONTROL, APPLICATION = 0xF9, 0xFF
LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
HAS_COLOURS, COLOURS = 0x80, 0x07
"""In the flags of the screen and of an image: whether a table of 2 to 256 colours follows, and its size."""


def strip_gif(content: bytes) -> bytes:
    """Return a GIF without comments, text and other programs' data.

    Raises:
        ValueError: it is not a chain of blocks.
        IndexError: it ends within a block.
    """
    at = 13 + _table_bytes(content[10])
    kept = bytearray(content[:at])
    while at < len(content) and content[at] != END:
        match content[at]:
            case 0x21:  # an extension
                end = _after_blocks(content, at + 2)
                kept += _shown(content[at:end])
            case 0x2C:  # an image
                end = _after_blocks(content, at + 11 + _table_bytes(content[at + 9]))
                kept += content[at:end]
            case introducer:
                raise ValueError(f"byte {at} is {introducer}, which begins no block")
        at = end
    kept.append(END)
    return bytes(kept)


def _shown(extension: bytes) -> bytes:
    """Return the part of an extension that defines a frame's time or the number of loops; nothing of any other."""
    if extension[1] == CONTROL and extension[2] == 4:
        return extension[:7] + b"\0"
    if extension[1] == APPLICATION and extension[3:14] in LOOPS and extension[14:16] == b"\3\1":
        return extension[:18] + b"\0"
    return b""


def _table_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & COLOURS) + 1) if flags & HAS_COLOURS else 0


def _after_blocks(content: bytes, at: int) -> int:
    """Return the offset after a chain of counted sub-blocks, which an empty one ends."""
    while content[at]:
        at += content[at] + 1
    return at + 1
