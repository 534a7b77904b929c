"""The steps of every image: receive → decode → classify ∥ archive → record → done.

Every step may be repeated: ids come from the upload, the archive and the quarantine are written once, and the views
count one row. A kill between any two steps leaves the upload in its bucket, and the next delivery or the sweep
processes it; only the last step deletes it.

Every source uses this module, and only this module counts images against the rate limit. Beyond the limit an event is
left to the sweep, a caller is refused, and a sweep waits.
"""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from shared.errors import AlreadyDone, OverRate, Permanent, RowRefused, StorageRefused, Superseded
from shared.images.content_encoding import bytes_held
from shared.images.decode import Limits, check_size, decode
from shared.images.memory_budget import MemoryBudgets
from shared.inference.classifier import Classifier
from shared.inference.from_bytes import decode_for
from shared.inference.registry import ModelRegistry
from shared.logs import log
from shared.pipeline.archive import archive_content_type, archive_name
from shared.pipeline.quarantine import Quarantine, failure_of
from shared.pipeline.rate_limit import RateLimit
from shared.pipeline.received_image import ReceivedImage
from shared.pipeline.stopwatch import Stopwatch
from shared.ports import ObjectStore, Strip, Warehouse
from shared.types import Acknowledged, Call, Correction, Failure, Image, Outcome, Prediction, Recorded, Source, Upload

if TYPE_CHECKING:
    from shared.inference.explain import OnRun
    from shared.inference.explained_image import ExplainedImage


@dataclass(frozen=True)
class Pipeline:
    """The steps, and the models, stores and limits that they use. Thread-safe."""

    models: ModelRegistry
    store: ObjectStore
    warehouse: Warehouse
    archive_bucket: str
    quarantine_bucket: str
    limits: Limits
    memory: MemoryBudgets
    rate: RateLimit
    strip: Strip | None = None
    """Removes metadata from the copy that is archived; None archives files unchanged."""
    store_embedding: bool = True

    def process_upload(self, upload: Upload, call: Call, *, remove: bool = True) -> Outcome:
        """Classify one upload, record its row, and then, unless ``remove`` is False, delete it from its bucket.

        An event over the rate limit is acknowledged and its upload waits for the sweep: a redelivery would cost money
        and reach the same limit. A sweep waits in ``wait_for_rate`` before it calls this.

        Raises:
            Transient: nothing is lost; the upload is still in its bucket and must be delivered again.
        """
        if call.source == Source.EVENT:
            try:
                self.rate.take()
            except OverRate as error:
                return Acknowledged(upload.ref, "over_rate", f"{error}; it is left to the sweep")
        watch = Stopwatch()
        try:
            outcome = self._predict_or_quarantine(upload, call, watch)
        except AlreadyDone as error:
            return _acknowledged(upload, error)
        return self._finish(upload, outcome, remove=remove)

    def wait_for_rate(self, is_cancelled: threading.Event) -> bool:
        """Wait until a sweep may take one more upload; False if ``is_cancelled`` was set before that."""
        return self.rate.wait(is_cancelled)

    def give_up_upload(self, upload: Upload, call: Call, why: Permanent, *, remove: bool = True) -> Outcome:
        """Quarantine one upload without reading it; then record and delete it as ``process_upload`` does.

        Raises:
            Transient: nothing is lost; the upload is still in its bucket.
        """
        try:
            outcome = self._quarantine.take(upload, call, why, Stopwatch())
        except AlreadyDone as error:
            return _acknowledged(upload, error)
        return self._finish(upload, outcome, remove=remove)

    def set_upload_aside(self, upload: Upload, call: Call, why: Permanent) -> Outcome:
        """Set aside an upload that can neither be read nor copied: record and mark it, so that sweeps skip it.

        Raises:
            Transient: nothing is lost; the upload is not marked, and a sweep may process it again.
        """
        try:
            return self._set_aside(upload, failure_of(upload, call, why, Stopwatch()))
        except RowRefused as error:
            self._quarantine.mark_set_aside(upload.ref, str(why))
            log.error(f"set aside without a row: {upload.ref}: {error}", extra={"fields": {"outcome": "set_aside"}})
            return Acknowledged(upload.ref, "set_aside", str(why))

    def classify_image(
        self, image: ReceivedImage, classifier: Classifier | None = None, *, record: bool = True
    ) -> Prediction:
        """Classify an image that a caller sent; unless ``record`` is False, archive it and write its row.

        Args:
            image: as it was received.
            classifier: a model of ``models``; None for the default.
            record: whether the image is archived and its row written.

        Raises:
            Permanent: the image cannot be classified; nothing is stored.
            Transient: the caller may send it again; ``OverRate`` beyond the rate limit.
        """
        self.rate.take()
        prediction = self._predict(classifier or self.models.get_model(), image, Stopwatch(), keep=record)
        if record:
            self.warehouse.append(prediction)
        return prediction

    def explain_image(
        self, content: bytes, classifier: Classifier, label: str | None = None, on_run: OnRun | None = None
    ) -> ExplainedImage:
        """Explain an image that a caller sent; nothing is recorded. Raises as ``classify_image`` and ``explain``."""
        # Imported late: a start must be short, and few callers use it.
        from shared.inference.explained_image import explain_bytes

        self.rate.take()
        return explain_bytes(classifier, content, label, on_run, limits=self.limits, budget=self.memory.decodes)

    def draw_explanation(self, content: bytes, explained: ExplainedImage) -> bytes:
        """Return a PNG of an explained image with its heatmap on top. Raises as ``images.decode.decode``."""
        from shared.inference.explained_image import HEATMAP_BYTES, decode_to_show
        from shared.inference.heatmap import as_png

        decodes = self.memory.decodes
        shown = decode_to_show(content, explained.image, self.limits, decodes)
        with decodes.room_for(HEATMAP_BYTES):
            return as_png(explained.draw_on(shown.pixels))

    def decode_image(self, content: bytes, shrink_to_px: int) -> Image:
        """Decode an image that a caller sent, for display; it counts against the rate limit like a classification.

        Raises:
            Permanent, Transient: as in ``classify_image``.
        """
        check_size(len(content), self.limits)
        self.rate.take()
        return decode(content, self.limits, shrink_to_px=shrink_to_px, budget=self.memory.decodes)

    def record_label(self, correction: Correction) -> None:
        """Write the row of a label; it counts against the rate limit like an image.

        Raises:
            Transient: the row was not written; the caller may send the label again.
        """
        self.rate.take()
        self.warehouse.append(correction)

    def _finish(self, upload: Upload, outcome: Recorded, *, remove: bool) -> Recorded:
        if isinstance(outcome, Failure) and outcome.quarantine_uri is None:
            return self._set_aside(upload, outcome)
        self.warehouse.append(outcome)
        if remove:
            self._remove(upload)
        return outcome

    def _remove(self, upload: Upload) -> None:
        """Delete an upload that has its row; mark it if it may not be deleted, so that it gets no second row."""
        try:
            self.store.delete(upload.ref)
        except StorageRefused as error:
            if self._quarantine.mark_not_deleted(upload.ref, str(error)):
                log.error(
                    f"not deleted: {upload.ref} has its row, but may not be deleted; each sweep tries again: {error}",
                    extra={"fields": {"outcome": "not_deleted", "uri": upload.ref.uri}},
                )

    def _set_aside(self, upload: Upload, failure: Failure) -> Failure:
        self.warehouse.append(failure)
        self._quarantine.mark_set_aside(upload.ref, failure.detail)
        return failure

    def _predict_or_quarantine(self, upload: Upload, call: Call, watch: Stopwatch) -> Recorded:
        try:
            return self._predict_upload(upload, call, watch)
        except Permanent as error:
            return self._quarantine.take(upload, call, error, watch)

    def _predict_upload(self, upload: Upload, call: Call, watch: Stopwatch) -> Prediction:
        classifier = self.models.get_model_for(upload)
        check_size(upload.size_bytes, self.limits)
        held = bytes_held(upload.size_bytes, upload.content_encoding, self.limits.max_bytes)
        with self.memory.room_for_file(held):
            with watch.step("read_ms"):
                content = self.store.read(upload.ref, self.limits.max_bytes)
            return self._predict(classifier, ReceivedImage.of_upload(upload, content, call), watch, keep=True)

    def _predict(self, classifier: Classifier, received: ReceivedImage, watch: Stopwatch, *, keep: bool) -> Prediction:
        content, ids, facts = received.content, received.ids, received.facts
        with watch.step("decode_ms"):
            image = decode_for(classifier, content, self.limits, self.memory.decodes)
        sha256 = facts.sha256 or hashlib.sha256(content).hexdigest()
        kept, kept_sha256 = content, sha256
        if keep and self.strip:  # the row and the ids have the digest of the file that was sent
            edge_px = classifier.bundle.manifest.input.long_edge_px
            kept = self.strip(content, image, self.limits, shrink_to_px=edge_px, budget=self.memory.decodes)
            kept_sha256 = hashlib.sha256(kept).hexdigest()
        # The bytes are known to be a picture, so the copy runs in parallel with the model.
        name = archive_name(kept_sha256, image.format)
        copy = self._copies.submit(self._archive, name, kept, image.format, watch) if keep else None
        try:
            with watch.step("classify_ms"):
                classification = classifier.classify_with_signals(image.pixels, with_embedding=self.store_embedding)
        finally:  # also after an error: the copy reads memory that is reserved until here
            if copy:
                copy.result()
        model = classifier.bundle.facts
        return Prediction(
            prediction_id=ids.prediction_id(model.digest),
            upload_id=ids.upload_id,
            uploaded_at=ids.uploaded_at,
            classification=classification,
            image=replace(
                facts,
                sha256=sha256,
                format=image.format,
                width_px=image.width_px,
                height_px=image.height_px,
                note=image.note,
            ),
            archive_uri=f"gs://{self.archive_bucket}/{name}" if keep else None,
            model=model,
            call=received.call,
            times=watch.times(),
        )

    def _archive(self, name: str, content: bytes, format: str, watch: Stopwatch) -> None:
        with watch.step("archive_ms"):
            self.store.write_once(self.archive_bucket, name, content, archive_content_type(format))

    @cached_property
    def _quarantine(self) -> Quarantine:
        return Quarantine(self.store, self.quarantine_bucket)

    @cached_property
    def _copies(self) -> ThreadPoolExecutor:
        """The threads that copy into the archive; made on first use, because threads do not survive a fork."""
        return ThreadPoolExecutor(max_workers=16, thread_name_prefix="archive")


def _acknowledged(upload: Upload, error: AlreadyDone) -> Acknowledged:
    return Acknowledged(upload.ref, "superseded" if isinstance(error, Superseded) else "already_done")
