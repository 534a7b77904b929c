"""Step 4: names and content types of archived pictures. The adapters copy the bytes."""

from __future__ import annotations

from shared.images.decode import CONTENT_TYPES, EXTENSIONS


def archive_name(sha256: str, format: str) -> str:
    """Return the archive object's name, the content's digest, so that each picture is stored once.

    The first two digits are a folder, so that a listing can be cut into 256 parts.
    """
    return f"{sha256[:2]}/{sha256}.{EXTENSIONS[format]}"


def archive_content_type(format: str) -> str:
    """Return the content type of the decoded format, whatever type the upload declared."""
    return CONTENT_TYPES[EXTENSIONS[format]]
