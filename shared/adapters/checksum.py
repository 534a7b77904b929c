"""Checksums as Cloud Storage writes them: what tells one object's bytes from another's without reading them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

READ_SIZE_BYTES = 1024 * 1024
"""Of a file at once."""


@dataclass(frozen=True, slots=True)
class Sum:
    """The length and the checksum of some bytes."""

    size_bytes: int
    crc32c: str | None
    """In base64, big-endian; None where Cloud Storage does not tell, as of an object with its owner's key."""

    @classmethod
    def of_file(cls, path: Path) -> Sum:
        """Read a file, a piece at a time."""
        size_bytes, value = 0, 0
        with path.open("rb") as file:
            while piece := file.read(READ_SIZE_BYTES):
                size_bytes, value = size_bytes + len(piece), google_crc32c.extend(value, piece)
        return cls(size_bytes, _written(value))


def crc32c(content: bytes) -> str:
    """Return the CRC-32C of some bytes (RFC 3720, appendix B.4), in base64, big-endian."""
    return _written(google_crc32c.value(content))


def _written(value: int) -> str:
    return base64.b64encode(value.to_bytes(4, "big")).decode()
