"""The pictures that a load test sends, and the most expensive of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import PIL.Image

from shared.errors import BadRequest
from shared.images.files import files_under
from shared.images.headers.decode_cost import BYTES_PER_PIXEL
from shared.operations.load.advice import Largest

MOST_PICTURES = 500
MOST_BYTES = 256 << 20
"""The most bytes of all pictures: they are kept in memory, so that reads do not slow the test."""

LARGEST_BYTES = 20 << 20
"""The most bytes of a picture: the default of MAX_IMAGE_BYTES."""

MOST_PER_PIXEL = max(BYTES_PER_PIXEL.values())


def pictures_in(folder: Path) -> list[bytes]:
    """Read the files of a folder and its sub-folders.

    Raises:
        BadRequest: there are no files, or they are too many or too large.
    """
    contents: list[bytes] = []
    for path in files_under(folder):
        size = path.stat().st_size
        if size > LARGEST_BYTES or len(contents) == MOST_PICTURES or size + sum(map(len, contents)) > MOST_BYTES:
            raise BadRequest(
                f"{folder} holds {path.name}, which is over a limit: {MOST_PICTURES} pictures, "
                f"{LARGEST_BYTES >> 20} MiB each, {MOST_BYTES >> 20} MiB together. Give a folder with fewer."
            )
        contents.append(path.read_bytes())
    if not contents:
        raise BadRequest(f"There are no files in {folder}, expected pictures.")
    return contents


def largest_of(pictures: Sequence[bytes]) -> Largest:
    """Return the largest file and the most expensive decode, by headers; a file that is not a picture costs none."""
    return Largest(max(map(len, pictures)), max(map(_decode_bytes, pictures)))


def _decode_bytes(content: bytes) -> int:
    try:
        with PIL.Image.open(io.BytesIO(content)) as picture:
            width, height = picture.size
            return width * height * BYTES_PER_PIXEL.get((picture.format or "").lower(), MOST_PER_PIXEL)
    except (OSError, ValueError, PIL.Image.DecompressionBombError):
        return 0
