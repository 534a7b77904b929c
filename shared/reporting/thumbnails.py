"""Thumbnails of archived pictures, decoded within the limits of the pipeline and encoded again."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image as PillowImage

from shared.errors import AlreadyDone, BucketlensError, Permanent
from shared.images.decode import Limits, decode
from shared.parsing.gs_uri import parse_gs_uri
from shared.ports import ObjectStore

EDGE_PX = 128
QUALITY = 78


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small JPEG, or the reason why there is none."""

    jpeg: bytes | None
    """Of at most ``EDGE_PX`` pixels on each edge, without any metadata of the original."""
    fault: str = ""
    """A sentence; empty where there is a picture."""


def thumbnail_of(store: ObjectStore, archive_uri: str, limits: Limits | None = None) -> Thumbnail:
    """Return a thumbnail of an archived picture; a picture that cannot be read gets a sentence instead.

    Args:
        store: holds the archive.
        archive_uri: ``gs://bucket/name``, of a row.
        limits: of the decoder; None for the defaults.
    """
    limits = limits or Limits()
    try:
        location = parse_gs_uri(archive_uri)
        content = store.read(store.find(location.bucket, location.name).ref, limits.max_bytes)
        pixels = decode(content, limits, shrink_to_px=EDGE_PX).pixels
    except AlreadyDone:
        return Thumbnail(None, "The archive no longer has this picture.")
    except (Permanent, ValueError):
        return Thumbnail(None, "This picture cannot be decoded within the limits.")
    except BucketlensError:
        return Thumbnail(None, "The archive did not return this picture.")
    picture = PillowImage.fromarray(pixels)
    picture.thumbnail((EDGE_PX, EDGE_PX))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY, optimize=True)
    return Thumbnail(file.getvalue())
