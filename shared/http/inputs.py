"""Read the images of an HTTPS request: from each input, the file's bytes, its facts, and its ids."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
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
from shared.pipeline.received_image import ReceivedImage, facts_of
from shared.types import Call, ImageFacts, Pixels

PILLOWS_BYTES_PER_PIXEL = 4
"""Pillow keeps RGB in 32 bits per pixel."""

NOT_IN_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")


@dataclass(frozen=True, slots=True)
class ImageBytes:
    """The bytes of an image file."""

    content: bytes
    name: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class ImageBase64:
    """The bytes of an image file in base64 (RFC 4648 §4); line breaks and the prefix of a ``data:`` URL are ignored."""

    text: str


@dataclass(frozen=True, slots=True)
class ImageUri:
    """An object in a bucket, as ``gs://bucket/name``."""

    uri: str


@dataclass(frozen=True, slots=True)
class ImagePixels:
    """Pixels: RGB, shape (height, width, 3). The image is archived as a PNG, which is lossless."""

    pixels: npt.NDArray[Any]
    scale: float = 1.0
    """The factor that makes the numbers 0 to 255."""


ImageInput = ImageBytes | ImageBase64 | ImageUri | ImagePixels
"""One image, in the form in which a client sent it."""


@dataclass(frozen=True, slots=True)
class InputReader:
    """A reader of the images of one call."""

    pipeline: Pipeline
    call: Call
    key: str | None
    """The client's idempotency key."""
    buckets: tuple[str, ...]
    """The buckets that the client may name."""
    max_image_bytes: int
    room_for: Callable[[int], AbstractContextManager[None]]
    """Holds memory for files, as ``MemoryBudget.room_for`` does, in addition to what the call already holds."""

    @contextmanager
    def resolve(self, image: ImageInput, index: int) -> Generator[ReceivedImage, None, None]:
        """Yield an image's bytes, facts and ids; the bytes of an object hold memory until the block ends.

        Args:
            image: the input.
            index: its position in the request, which is part of its ids.

        Raises:
            BadRequest: it is invalid base64, an invalid URI, or in a bucket that clients may not name.
            AlreadyDone: the object does not exist.
            Transient: the memory is in use, or Cloud Storage does not answer.
        """
        match image:
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
            reference = parse_gs_uri(uri)
        except ValueError as error:
            raise BadRequest(f"The uri is {uri[:200]!r}, expected {error}.") from error
        bucket, name = reference.bucket, reference.name
        if bucket not in self.buckets:
            raise BadRequest(
                f"The bucket {bucket[:200]!r} is not readable by callers; READABLE_BUCKETS lists those that are.", 403
            )
        with _storage_errors(uri):
            upload = self.pipeline.store.find(bucket, name)
        check_size(upload.size_bytes, self.pipeline.limits)
        held = bytes_held(min(upload.size_bytes, self.max_image_bytes), upload.content_encoding, self.max_image_bytes)
        with self.room_for(COPIES_OF_A_FILE * held):
            with _storage_errors(uri):
                content = self.pipeline.store.read(upload.ref, self.max_image_bytes)
            facts = replace(facts_of(upload), size_bytes=len(content))
            yield ReceivedImage(content, facts, ImageIds.of_object(upload.ref), self.call)


@contextmanager
def _storage_errors(uri: str) -> Generator[None, None, None]:
    """Turn a denied read into a 403: as a transient error, it would invite the client to a useless retry."""
    try:
        yield
    except StorageRefused as error:
        log.warning(f"refused the caller's URI {uri[:200]!r}: {error}", extra={"fields": {"outcome": "refused"}})
        raise BadRequest(
            f"Cloud Storage does not let this service read {uri[:200]!r}; give its account permission to read it.", 403
        ) from error


def from_base64(text: str) -> bytes:
    """Decode base64.

    Raises:
        BadRequest: the text is not base64; the message names the likely mistake.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    text = text.replace("\n", "").replace("\r", "")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(f"The image is not base64 (RFC 4648, section 4): {_fault_of_base64(text)}.") from error


def _fault_of_base64(text: str) -> str:
    """Return why a text is not base64, and what to send."""
    if text[:2] in ("b'", 'b"'):
        return "it is Python's notation for bytes; send base64.b64encode(content).decode()"
    if " " in text:
        return "it has spaces, which + becomes in a form or a URL; percent-encode it there"
    if "-" in text or "_" in text:
        return "it has - or _, as base64url does (section 5); write + and / instead"
    if character := NOT_IN_BASE64.search(text):
        return f"it has {character[0]!r} at character {character.start() + 1:,}; send only the file's bytes in base64"
    if len(text) % 4:
        return f"it has {len(text):,} characters, expected a multiple of 4; its end or its padding (=) is missing"
    return "it has = before its end; send the bytes of one file"


def _as_png(pixels: npt.NDArray[Any], scale: float) -> bytes:
    drawn: Pixels = np.ascontiguousarray(pixels) if pixels.dtype == np.uint8 else np.empty(pixels.shape, np.uint8)
    if drawn.dtype != pixels.dtype:
        # row by row: the whole image in floating point would take four times the memory
        for row, numbers in zip(drawn, pixels, strict=True):
            row[:] = np.rint(numbers * scale)
    content = BytesIO()
    PIL.Image.fromarray(drawn).save(content, "PNG", compress_level=1)
    return content.getvalue()
