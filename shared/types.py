"""The vocabulary: what the steps hand to each other."""

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
"""One score a label, shape (labels,), float32, each 0 to 1, together 1."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Source(StrEnum):
    """Which door an image came through."""

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
        """``gs://bucket/name``, without the generation, as people and tools write it."""
        return f"gs://{self.bucket}/{self.name}"

    @property
    def created_at(self) -> datetime:
        """When this generation was written, aware, UTC; derived from it, so that every copy of an event agrees."""
        return EPOCH + timedelta(microseconds=self.generation)

    def __str__(self) -> str:
        return f"{self.uri}#{self.generation}"


METADATA_KEY = "bucketlens-model"
"""Custom metadata of an object: the name of the model that it is for."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An object that waits in the upload bucket."""

    ref: ObjectRef
    size_bytes: int
    content_type: str
    model: str | None = None
    """The name of the model that its metadata asks for."""
    content_encoding: str = ""
    """How its bytes are packed; empty where they are not. Its size is that of the packed bytes."""
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """A decoded picture and the facts of the file that it came from."""

    pixels: Pixels
    """Possibly at a reduced scale; upright."""
    format: str
    """What the bytes are, whatever the name says: ``jpeg``, ``png``, ``webp``, ``gif``, ``bmp``, ``tiff``, …"""
    width_px: int
    """Of the original, upright."""
    height_px: int
    orientation: int = 1
    """How the file's pixels lay before they were turned, as EXIF counts it; 1 where they lay upright."""
    note: str | None = None
    """What a person should know of how it was read, in a sentence; None where there is nothing to say."""


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
    """What the model says of one image."""

    label: str
    score: float
    candidates: tuple[Candidate, ...]
    """Every label of the model: the one that is given, then the others by score; the scores add up to 1."""
    needs_review: bool
    """The score is below the bundle's threshold: a person should look."""
    is_unfamiliar: bool | None = None
    """Its novelty is above the bundle's threshold; None for a bundle without a profile."""
    signals: Signals | None = None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Which model said it."""

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
    """How the image reached us, and who served it."""

    source: Source
    received_at: datetime
    event_id: str | None = None
    trace: str | None = None
    """``projects/P/traces/T`` where the project is known, else the bare trace id."""
    caller: str | None = None
    """The identity that IAM or IAP gives; never a token or an address."""
    service: str | None = None
    revision: str | None = None
    instance: str | None = None
    is_cold_start: bool = False
    is_shadow: bool | None = None
    """True for a release's challenger that looks on: its row is kept apart from those that count. Else None."""
    batch_id: str | None = None
    is_probe: bool | None = None


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Where an image came from and what its file is. What is unknown is None."""

    size_bytes: int
    content_type: str | None
    sha256: str | None = None
    """None for a file that was too large to read."""
    bucket: str | None = None
    name: str | None = None
    """The object's name; of a request the file's name, where one was given."""
    generation: int | None = None
    format: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    note: str | None = None
    """What a person should know of how the picture was read, in a sentence; None where there is nothing to say."""
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
    """Where the picture rests; None where nothing was recorded."""
    model: ModelFacts
    call: Call
    times: Times


@dataclass(frozen=True, slots=True)
class Failure:
    """One row of ``failures``: an upload that cannot become a prediction."""

    failure_id: str
    uploaded_at: datetime
    reason: str
    """One word of ``errors.Permanent``'s family, such as ``not_an_image``."""
    detail: str
    image: ImageFacts
    quarantine_uri: str | None
    """None where it may not be copied: it was set aside, and lies in its bucket still."""
    call: Call
    times: Times


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Nothing to do: the upload is not ours, already done, or left to the sweep."""

    ref: ObjectRef
    why: str
    """``already_done``, ``superseded``, ``not_our_bucket``, ``not_an_upload``, ``set_aside``, or, left to the sweep,
    ``too_old`` or ``over_rate``."""
    detail: str = ""

    @property
    def is_left_to_the_sweep(self) -> bool:
        """Whether the upload still waits in its bucket."""
        return self.why in ("too_old", "over_rate")


@dataclass(frozen=True, slots=True)
class Correction:
    """One row of ``labels``: what a person says that a picture shows."""

    label_id: str
    prediction_id: str
    label: str
    labelled_by: str | None
    labelled_at: datetime
    """Aware, UTC. Its date is the partition."""
    note: str | None = None
    is_new_label: bool = False
    """Whether no model that was served knew the label."""


def fields_of(flat: Candidate | ModelFacts | Times | ImageFacts | Call | Signals) -> dict[str, Any]:
    """Return a thing's fields by name, as they are: ``dataclasses.asdict`` copies each of them, however flat it is."""
    return {name: getattr(flat, name) for name in flat.__slots__}


Recorded = Prediction | Failure
"""What leaves a row."""

Outcome = Prediction | Failure | Acknowledged
