"""Colour profiles (ICC.1): they stay, as long as they say they are; what only stands where one belongs does not."""

from __future__ import annotations

SIGNATURE = b"acsp"
SIGNATURE_AT, HEADER_BYTES = 36, 128


def profile_of(content: bytes) -> bytes | None:
    """Return a colour profile without what follows it; None where it is none."""
    size = int.from_bytes(content[:4])
    if content[SIGNATURE_AT : SIGNATURE_AT + 4] != SIGNATURE or not HEADER_BYTES <= size <= len(content):
        return None
    return content[:size]
