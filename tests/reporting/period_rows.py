"""Rows of a drawn period, in a warehouse and a store in memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
from PIL import Image

from shared.monitoring.audit_sample import audit_bound
from shared.pipeline.ids import ImageIds
from shared.release.model_events import Event, EventModel, ModelEvent, record
from shared.types import (
    Call,
    Candidate,
    Classification,
    Correction,
    Failure,
    ImageFacts,
    ModelFacts,
    ObjectRef,
    Prediction,
    Signals,
    Source,
    Times,
)
from tests.memory.object_store import MemoryStore
from tests.memory.warehouse import MemoryWarehouse

ARCHIVE, REPORTS = "my-archive", "my-reports"
LABELS = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
MODEL = ModelFacts("flowers", "9", "ab" * 32, "litert")
MADE_AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
LAST_DAY = date(2026, 11, 29)


def jpeg(seed: int = 0, size: tuple[int, int] = (200, 150)) -> bytes:
    """Return a distinct picture."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(content, "JPEG", quality=90)
    return content.getvalue()


@dataclass
class PeriodRows:
    """A warehouse and a store that are filled row by row."""

    warehouse: MemoryWarehouse
    store: MemoryStore
    uploads: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    def classified(
        self,
        label: str = "roses",
        score: float = 0.9,
        *,
        day: date = LAST_DAY,
        name: str | None = None,
        novelty: float | None = 0.3,
        content: bytes | None = None,
        is_audited: bool = False,
        classification: Classification | None = None,
        model: ModelFacts = MODEL,
        labels: tuple[str, ...] = LABELS,
        **image: Any,
    ) -> str:
        """Append the row of an upload, archive its picture if it has one, and return its prediction_id."""
        ref = self._ref(day, name or f"picture-{next(self.uploads)}.jpg", is_audited)
        ids = ImageIds.of_object(ref)
        sha256 = hashlib.sha256(content or str(ref).encode()).hexdigest()
        archive_name = f"{sha256[:2]}/{sha256}.jpg"
        if content is not None:
            self.store.put(ARCHIVE, archive_name, content, "image/jpeg")
        times = Times(total_ms=40.0) if classification is None else Times(4.0, 3.0, 9.0, 12.0, 31.0)
        prediction = Prediction(
            prediction_id=ids.prediction_id(model.digest),
            upload_id=ids.upload_id,
            uploaded_at=ref.created_at,
            classification=classification or _classification(label, score, novelty, labels),
            image=ImageFacts(
                *(len(content or b"x" * 50_000), "image/jpeg", sha256, ref.bucket, ref.name, ref.generation, "jpeg"),
                **{"width_px": 200, "height_px": 150, **image},
            ),
            archive_uri=f"gs://{ARCHIVE}/{archive_name}",
            model=model,
            call=Call(Source.EVENT, ref.created_at, service="classify-upload", revision="classify-upload-00007"),
            times=times,
        )
        self.warehouse.append(prediction)
        return prediction.prediction_id

    def labelled(self, prediction_id: str, label: str) -> None:
        """Append the label of a person."""
        self.warehouse.append(Correction(f"label-{prediction_id}", prediction_id, label, "ada@example.com", MADE_AT))

    def failed(self, reason: str, day: date = LAST_DAY) -> None:
        """Append the row of an upload that could not be classified."""
        ref = self._ref(day, f"broken-{next(self.uploads)}.jpg", False)
        image = ImageFacts(100, "image/jpeg", "c" * 64, ref.bucket, ref.name, ref.generation)
        call = Call(Source.EVENT, ref.created_at, service="classify-upload", revision="classify-upload-00007")
        identity = ImageIds.of_object(ref).upload_id
        self.warehouse.append(
            Failure(identity, ref.created_at, reason, "a sentence", image, None, call, Times(total_ms=5.0))
        )

    def judged(self, state: str, why: str, day: date = LAST_DAY, model: ModelFacts = MODEL) -> None:
        """Append the event of a verdict."""
        record(
            ModelEvent(
                event_id=f"verdict-{next(self.uploads)}",
                happened_at=datetime.combine(day, time(6), UTC),
                event=Event.VERDICT,
                model=EventModel(model.name, model.version, model.digest),
                evidence={"state": state, "why": why},
            ),
            self.warehouse,
        )

    def _ref(self, day: date, name: str, is_audited: bool) -> ObjectRef:
        """Return an object of a day; of the audit sample, by looking for such a generation, or not of it."""
        start = datetime.combine(day, time(9), UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        bound = audit_bound(0.01)
        generation = start // timedelta(microseconds=1) + next(self.uploads) * 10_000
        while True:
            ref = ObjectRef("my-uploads", name, generation)
            if (ImageIds.of_object(ref).upload_id < bound) == is_audited:
                return ref
            generation += 1


def _classification(label: str, score: float, novelty: float | None, labels: tuple[str, ...]) -> Classification:
    others = [other for other in labels if other != label]
    rest = (1 - score) / max(1, len(others))
    candidates = (Candidate(label, score), *(Candidate(other, rest) for other in others))
    signals = Signals(0.4, 0.5, 0.2, 900.0, 0.3, 40.0, 1.333, novelty=novelty)
    is_unfamiliar = None if novelty is None else novelty > 0.6
    return Classification(label, score, candidates, score < 0.8, is_unfamiliar, signals)
