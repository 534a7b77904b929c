"""Colour profiles (ICC.1): a well-formed profile is kept, in the length that it declares; other bytes are not."""

from __future__ import annotations

SIGNATURE = b"acsp"
SIGNATURE_AT, HEADER_BYTES = 36, 128


def profile_of(content: bytes) -> bytes | None:
    """Return a colour profile without the bytes after it; None if the content is not a profile."""
    size = int.from_bytes(content[:4])
    if content[SIGNATURE_AT : SIGNATURE_AT + 4] != SIGNATURE or not HEADER_BYTES <= size <= len(content):
        return None
    return content[:size]
