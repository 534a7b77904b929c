"""Step 4: where a picture rests. Names only; the adapters do the copying."""

from __future__ import annotations

from shared.images.decode import CONTENT_TYPES, EXTENSIONS


def archive_name(sha256: str, format: str) -> str:
    """Return the archive object's name: the content's digest, so that one picture is stored once.

    The first two digits are a folder, so that a listing can be cut into 256 parts.
    """
    return f"{sha256[:2]}/{sha256}.{EXTENSIONS[format]}"


def archive_content_type(format: str) -> str:
    """Return the content type of what the bytes are, whatever the upload claimed."""
    return CONTENT_TYPES[EXTENSIONS[format]]
