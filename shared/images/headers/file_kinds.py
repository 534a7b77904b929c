"""Formats of image files by their first bytes, regardless of their names."""

from __future__ import annotations

import re

BEGINNINGS = {
    "jpeg": re.compile(rb"\xff\xd8\xff"),
    "png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "webp": re.compile(rb"RIFF.{4}WEBPVP8[ LX]", re.DOTALL),
    "gif": re.compile(rb"GIF8[79]a"),
    "bmp": re.compile(rb"BM"),
    "tiff": re.compile(rb"MM\0[*+]|II[*+]\0|MM\*\0|II\0\*"),
    "avif": re.compile(rb".{4}ftypavi[fs]", re.DOTALL),
    "heif": re.compile(rb".{4}ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL),
}
"""How files begin, by ``Image.format``; ``mif1`` and ``msf1`` are in HEIC and in AVIF files."""

NOT_PLAIN = ("tiff", "avif", "heif")


def kind_of(content: bytes) -> str | None:
    """Return the supported format that a file begins like; None if there is none."""
    return next((name for name, beginning in BEGINNINGS.items() if beginning.match(content)), None)


def is_plain(content: bytes) -> bool:
    """Return whether the time and memory of a file's decoder depend only on the size in its header.

    A lossless WebP, or the transparency of a lossy one, may hold 65,536 tables of codes, whatever its size.
    """
    kind = kind_of(content)
    if kind == "webp":
        return b"VP8L" not in content and b"ALPH" not in content
    return kind not in NOT_PLAIN
