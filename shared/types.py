"""The types that the steps pass to each other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""RGB, shape (height, width, 3), uint8."""

Scores = npt.NDArray[np.float32]
"""One score for each label, shape (labels,), float32, each 0 to 1, sum 1."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Source(StrEnum):
    """How an image reached the product."""

    EVENT = "event"
    REQUEST = "request"
    BACKLOG = "backlog"


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """One generation of one object in a bucket."""

    bucket: str
    name: str
    generation: int
    """Cloud Storage's generation number: microseconds since 1970, UTC."""

    @property
    def uri(self) -> str:
        """The ``gs://bucket/name``, without the generation, as people and tools write it."""
        return f"gs://{self.bucket}/{self.name}"

    @property
    def created_at(self) -> datetime:
        """The time when this generation was written, aware, UTC; every copy of an event has the same."""
        return EPOCH + timedelta(microseconds=self.generation)

    def __str__(self) -> str:
        return f"{self.uri}#{self.generation}"


METADATA_KEY = "bucketlens-model"
"""The key of the custom metadata by which an object names the model that must classify it."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An object that waits in the upload bucket."""

    ref: ObjectRef
    size_bytes: int
    content_type: str
    model: str | None = None
    """The model that its metadata names; None for the default."""
    content_encoding: str = ""
    """How its bytes are compressed; empty if they are not. ``size_bytes`` is the compressed size."""
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """A decoded picture and the facts of the file that it came from."""

    pixels: Pixels
    """Possibly at a reduced scale; upright."""
    format: str
    """The format of the bytes, whatever the name is: ``jpeg``, ``png``, ``webp``, ``gif``, ``bmp``, ``tiff``, …"""
    width_px: int
    """Of the original, upright."""
    height_px: int
    orientation: int = 1
    """The EXIF orientation (1 to 8) of the file's pixels before they were turned upright; 1: they were upright."""
    note: str | None = None
    """A remark for people on how the picture was read, in a sentence; None without one."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A label and its calibrated score, 0 to 1."""

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Signals:
    """Numbers about one picture, from the inference that classified it; ``shared.signals`` has formulas and units."""

    entropy: float
    brightness: float
    contrast: float
    sharpness: float
    saturation: float
    colourfulness: float
    aspect: float
    novelty: float | None = None
    embedding: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Classification:
    """The result of a model for one image."""

    label: str
    score: float
    candidates: tuple[Candidate, ...]
    """Every label of the model: first ``label``, then the others by score; the scores sum to 1."""
    needs_review: bool
    """Whether the score is below the bundle's threshold, so that a person should review it."""
    is_unfamiliar: bool | None = None
    """Whether the novelty is above the bundle's threshold; None for a bundle without a profile."""
    signals: Signals | None = None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The model of a prediction."""

    name: str
    version: str
    digest: str
    """sha256 of the bundle's manifest, 64 hex digits."""
    runtime: str


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds by step; None for a step that did not run."""

    read_ms: float | None = None
    decode_ms: float | None = None
    classify_ms: float | None = None
    archive_ms: float | None = None
    total_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call: how an image reached the product, and which process served it."""

    source: Source
    received_at: datetime
    event_id: str | None = None
    trace: str | None = None
    """``projects/P/traces/T`` where the project is known, else the bare trace id."""
    caller: str | None = None
    """The identity that IAM or IAP vouches for; never a token or an address."""
    service: str | None = None
    revision: str | None = None
    instance: str | None = None
    is_cold_start: bool = False
    is_shadow: bool | None = None
    """True for the challenger of a shadow release, whose rows do not count; else None."""
    batch_id: str | None = None
    is_probe: bool | None = None


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """The source and the file of an image. Unknown facts are None."""

    size_bytes: int
    content_type: str | None
    sha256: str | None = None
    """None for a file that was too large to read."""
    bucket: str | None = None
    name: str | None = None
    """The object's name; for a request, the file's name if the client sent it."""
    generation: int | None = None
    format: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    note: str | None = None
    """A remark for people on how the picture was read, in a sentence; None without one."""
    generated_by: str | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """One row of ``predictions``."""

    prediction_id: str
    upload_id: str
    uploaded_at: datetime
    classification: Classification
    image: ImageFacts
    archive_uri: str | None
    """The archived picture; None if nothing was recorded."""
    model: ModelFacts
    call: Call
    times: Times


@dataclass(frozen=True, slots=True)
class Failure:
    """One row of ``failures``: an upload that could not be classified."""

    failure_id: str
    uploaded_at: datetime
    reason: str
    """The ``reason`` of a subclass of ``errors.Permanent``, such as ``not_an_image``."""
    detail: str
    image: ImageFacts
    quarantine_uri: str | None
    """None if it could not be copied: it was set aside and is still in its bucket."""
    call: Call
    times: Times


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An upload that was not processed: it is not ours, is already done, or is left to the sweep."""

    ref: ObjectRef
    reason: str
    """``already_done``, ``superseded``, ``not_our_bucket``, ``not_an_upload``, ``set_aside``, or, left to the sweep,
    ``too_old`` or ``over_rate``."""
    detail: str = ""

    @property
    def is_left_to_the_sweep(self) -> bool:
        """Whether the upload waits in its bucket for a sweep."""
        return self.reason in ("too_old", "over_rate")


@dataclass(frozen=True, slots=True)
class Correction:
    """One row of ``labels``: the label that a person gives to a picture."""

    label_id: str
    prediction_id: str
    label: str
    labelled_by: str | None
    labelled_at: datetime
    """Aware, UTC. Its date is the partition."""
    note: str | None = None
    is_new_label: bool = False
    """Whether no served model had the label."""


def fields_of(flat: Candidate | ModelFacts | Times | ImageFacts | Call | Signals) -> dict[str, Any]:
    """Return the fields of a flat dataclass by name, without the copies that ``dataclasses.asdict`` makes."""
    return {name: getattr(flat, name) for name in flat.__slots__}


Recorded = Prediction | Failure
"""The outcomes that have a row."""

Outcome = Prediction | Failure | Acknowledged
