"""Step 1 of an HTTPS call: what a caller gave becomes the bytes of an image, the facts, and an identity."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image

from shared.errors import BadRequest, StorageRefused
from shared.images.content_encoding import bytes_held
from shared.images.decode import check_size
from shared.images.memory_budget import COPIES_OF_A_FILE
from shared.logs import log
from shared.parsing.gs_uri import parse_gs_uri
from shared.pipeline.ids import ImageIds
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.received_image import ReceivedImage
from shared.types import Call, ImageFacts, Pixels

PILLOWS_BYTES_PER_PIXEL = 4

NOT_IN_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")


@dataclass(frozen=True, slots=True)
class ImageBytes:
    """The bytes of an image file."""

    content: bytes
    name: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class ImageBase64:
    """The bytes of an image file as text (RFC 4648 §4); line breaks and a ``data:`` URL's beginning are left out."""

    text: str


@dataclass(frozen=True, slots=True)
class ImageUri:
    """An object in a bucket, as ``gs://bucket/name``."""

    uri: str


@dataclass(frozen=True, slots=True)
class ImagePixels:
    """Pixels: RGB, shape (height, width, 3). It is kept as a PNG, which loses nothing."""

    pixels: npt.NDArray[Any]
    scale: float = 1.0
    """What makes the numbers 0 to 255."""


ImageInput = ImageBytes | ImageBase64 | ImageUri | ImagePixels
"""One image as a caller gave it."""


@dataclass(frozen=True, slots=True)
class InputReader:
    """Takes the images of one call."""

    pipeline: Pipeline
    call: Call
    key: str | None
    """The caller's idempotency key."""
    buckets: tuple[str, ...]
    """Those that the caller may name."""
    max_image_bytes: int
    room_for: Callable[[int], AbstractContextManager[None]]
    """Holds memory for files, as ``MemoryBudget.room_for`` does, beside what the call holds already."""

    @contextmanager
    def resolve(self, given: ImageInput, index: int) -> Generator[ReceivedImage, None, None]:
        """Give an image's bytes; those of an object hold room until the block ends.

        Args:
            given: the image.
            index: its place in the request, which is part of its identity.

        Raises:
            BadRequest: it is no base64, no URI, or in a bucket that callers may not name.
            AlreadyDone: there is no such object.
            Transient: there is no room, or Cloud Storage does not answer.
        """
        match given:
            case ImageBytes(content, name, content_type):
                yield self._of_bytes(content, index, name, content_type)
            case ImageBase64(text):
                yield self._of_bytes(from_base64(text), index)
            case ImagePixels(pixels, scale):
                height_px, width_px, _ = pixels.shape
                with self.pipeline.memory.decodes.room_for(PILLOWS_BYTES_PER_PIXEL * height_px * width_px):
                    content = _as_png(pixels, scale)
                yield self._of_bytes(content, index)
            case ImageUri(uri):
                yield from self._of_object(uri)

    def _of_bytes(
        self, content: bytes, index: int, name: str | None = None, content_type: str | None = None
    ) -> ReceivedImage:
        sha256 = hashlib.sha256(content).hexdigest()
        facts = ImageFacts(size_bytes=len(content), content_type=content_type, sha256=sha256, name=name or None)
        ids = ImageIds.of_request(self.key, self.call.caller, index, sha256, self.call.received_at)
        return ReceivedImage(content, facts, ids, self.call)

    def _of_object(self, uri: str) -> Generator[ReceivedImage, None, None]:
        try:
            place = parse_gs_uri(uri)
        except ValueError as error:
            raise BadRequest(f"The uri is {uri[:200]!r}, expected {error}.") from error
        bucket, name = place.bucket, place.name
        if bucket not in self.buckets:
            raise BadRequest(
                f"The bucket {bucket[:200]!r} may not be named here; READABLE_BUCKETS lists which may.", 403
            )
        with _refusals_of(uri):
            upload = self.pipeline.store.find(bucket, name)
        check_size(upload.size_bytes, self.pipeline.limits)
        held = bytes_held(min(upload.size_bytes, self.max_image_bytes), upload.content_encoding, self.max_image_bytes)
        with self.room_for(COPIES_OF_A_FILE * held):
            with _refusals_of(uri):
                content = self.pipeline.store.read(upload.ref, self.max_image_bytes)
            facts = ImageFacts(
                bucket=bucket,
                name=name,
                generation=upload.ref.generation,
                size_bytes=len(content),
                content_type=upload.content_type or None,
            )
            yield ReceivedImage(content, facts, ImageIds.of_object(upload.ref), self.call)


@contextmanager
def _refusals_of(uri: str) -> Generator[None, None, None]:
    """Tell a caller who named an object that it may not be read: to send the request again would not help."""
    try:
        yield
    except StorageRefused as error:
        log.warning(f"a caller named {uri[:200]!r}: {error}", extra={"fields": {"outcome": "refused"}})
        raise BadRequest(
            f"Cloud Storage does not let this service read {uri[:200]!r}; its account needs permission to read it.", 403
        ) from error


def from_base64(text: str) -> bytes:
    """Return what a text in base64 stands for.

    Raises:
        BadRequest: it is not base64; the message says what it looks like.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    text = text.replace("\n", "").replace("\r", "")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(f"The image is not base64 (RFC 4648, section 4): {_fault_of_base64(text)}.") from error


def _fault_of_base64(text: str) -> str:
    """Say what a text looks like that is not base64, and what to do."""
    if text[:2] in ("b'", 'b"'):
        return "it is how Python shows bytes; send base64.b64encode(content).decode()"
    if " " in text:
        return "it has spaces, which + becomes in a form or a URL; encode it for where it is sent"
    if "-" in text or "_" in text:
        return "it has - or _, as base64url does (section 5); write + and / instead"
    if found := NOT_IN_BASE64.search(text):
        return (
            f"it has {found[0]!r} at character {found.start() + 1:,}; send the file's bytes in base64 and nothing else"
        )
    if len(text) % 4:
        return f"it has {len(text):,} characters, which is no multiple of 4; its end or its padding (=) is missing"
    return "it has = elsewhere than at its end; send one file's bytes"


def _as_png(pixels: npt.NDArray[Any], scale: float) -> bytes:
    drawn: Pixels = np.ascontiguousarray(pixels) if pixels.dtype == np.uint8 else np.empty(pixels.shape, np.uint8)
    if drawn.dtype != pixels.dtype:
        for row, numbers in zip(drawn, pixels, strict=True):  # a row at a time, for the sake of memory
            row[:] = np.rint(numbers * scale)
    content = BytesIO()
    PIL.Image.fromarray(drawn).save(content, "PNG", compress_level=1)
    return content.getvalue()
