"""Several images in one request, of a protocol that has no place for the error of one of them."""

from __future__ import annotations

from shared.errors import BadRequest, BucketlensError, Permanent


def error_of_one(error: BucketlensError, index: int, images: int) -> BucketlensError:
    """Say which image an error is of."""
    if images > 1:
        if isinstance(error, Permanent):
            return type(error)(f"Image {index + 1} of {images}: {error}")
        if isinstance(error, BadRequest):
            return BadRequest(f"Image {index + 1} of {images}: {error}", error.http_status, error.reason)
    return error
