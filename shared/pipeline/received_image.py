"""A received image: its bytes, and the facts that the steps need."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.pipeline.ids import ImageIds
from shared.types import Call, ImageFacts, Upload


@dataclass(frozen=True, slots=True)
class ReceivedImage:
    """The bytes of one image, and their source."""

    content: bytes
    """The image's file."""
    facts: ImageFacts
    """The facts that are known before the file is decoded."""
    ids: ImageIds
    call: Call
    """The event, request or sweep that brought it."""

    @classmethod
    def of_upload(cls, upload: Upload, content: bytes, call: Call) -> ReceivedImage:
        """Return the image of an upload whose bytes were read."""
        return cls(content, facts_of(upload), ImageIds.of_object(upload.ref), call_of(upload, call))


def call_of(upload: Upload, call: Call) -> Call:
    """Return the record of the call for one of its uploads, which may be a probe."""
    return replace(call, is_probe=True) if upload.is_probe else call


def facts_of(upload: Upload) -> ImageFacts:
    """Return the facts of an upload that a listing or an event contains."""
    return ImageFacts(
        bucket=upload.ref.bucket,
        name=upload.ref.name,
        generation=upload.ref.generation,
        size_bytes=upload.size_bytes,
        content_type=upload.content_type or None,
    )
