"""An image that a door has received: all that the steps need to know of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.pipeline.ids import ImageIds
from shared.types import Call, ImageFacts, Upload


@dataclass(frozen=True, slots=True)
class ReceivedImage:
    """The bytes of one image, and where they came from."""

    content: bytes
    """The image's file."""
    facts: ImageFacts
    """What is known of the file before it is decoded."""
    ids: ImageIds
    call: Call
    """How it reached us."""

    @classmethod
    def of_upload(cls, upload: Upload, content: bytes, call: Call) -> ReceivedImage:
        """Return an upload whose bytes were read."""
        return cls(content, facts_of(upload), ImageIds.of_object(upload.ref), call_of(upload, call))


def call_of(upload: Upload, call: Call) -> Call:
    """Return the record of the call for one of its uploads, which may be a probe."""
    return replace(call, is_probe=True) if upload.is_probe else call


def facts_of(upload: Upload) -> ImageFacts:
    """Return what a listing or an event says of an upload."""
    return ImageFacts(
        bucket=upload.ref.bucket,
        name=upload.ref.name,
        generation=upload.ref.generation,
        size_bytes=upload.size_bytes,
        content_type=upload.content_type or None,
    )
