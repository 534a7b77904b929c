"""Checksums as Cloud Storage writes them: they compare two objects without reading their bytes."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

READ_SIZE_BYTES = 1024 * 1024
"""Bytes of a file that are read in one call."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """The length and the checksum of some bytes."""

    size_bytes: int
    crc32c: str | None
    """In base64, big-endian; None where Cloud Storage gives none, as for an object with a customer-supplied key."""

    @classmethod
    def of_file(cls, path: Path) -> Checksum:
        """Return the checksum of a file, which is read piece by piece."""
        size_bytes, value = 0, 0
        with path.open("rb") as file:
            while piece := file.read(READ_SIZE_BYTES):
                size_bytes, value = size_bytes + len(piece), google_crc32c.extend(value, piece)
        return cls(size_bytes, _base64(value))


def crc32c(content: bytes) -> str:
    """Return the CRC-32C of some bytes (RFC 3720, appendix B.4), in base64, big-endian."""
    return _base64(google_crc32c.value(content))


def _base64(value: int) -> str:
    return base64.b64encode(value.to_bytes(4, "big")).decode()
