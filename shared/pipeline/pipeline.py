"""The story of one image: receive → decode → classify ∥ archive → record → done.

Every step may be repeated: ids come from the upload, the archive and the quarantine are written once, and the views
count one row. A kill between any two steps leaves the upload where it is, and the next delivery or the sweep takes
it from there; only the last step removes it.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

from shared.errors import AlreadyDone, Permanent, RowRefused, StorageRefused, Superseded, Unreadable
from shared.images.content_encoding import bytes_held
from shared.images.decode import Limits, check_size, decode
from shared.images.memory_budget import Memory
from shared.inference.classifier import Classifier
from shared.inference.registry import Classifiers
from shared.logs import log
from shared.pipeline import ids, set_aside
from shared.pipeline.archive import archive_content_type, archive_name
from shared.pipeline.ids import Identity
from shared.pipeline.rate_limit import RateBreaker
from shared.pipeline.stopwatch import Stopwatch
from shared.ports import ObjectStore, Strip, Warehouse
from shared.types import Acknowledged, Call, Failure, ImageFacts, Outcome, Prediction, Recorded, Upload


@dataclass(frozen=True)
class Pipeline:
    """The steps, and what they work with. Thread-safe."""

    classifiers: Classifiers
    store: ObjectStore
    warehouse: Warehouse
    archive_bucket: str
    quarantine_bucket: str
    limits: Limits
    memory: Memory
    rate: RateBreaker
    strip: Strip | None = None
    """Takes metadata out of what is archived; None archives files as they came."""

    def process(self, upload: Upload, call: Call, *, remove: bool = True) -> Outcome:
        """Take one upload from its bucket to its row, and then, unless ``remove`` is False, out of the bucket.

        Raises:
            Transient: nothing is lost; the upload still lies in its bucket and must be delivered again.
        """
        watch = Stopwatch(call.times)
        try:
            outcome = self._predict_or_quarantine(upload, call, watch)
        except AlreadyDone as gone:
            return _acknowledged(upload, gone)
        return self._finish(upload, outcome, remove=remove)

    def give_up(self, upload: Upload, call: Call, why: Permanent, *, remove: bool = True) -> Outcome:
        """Take one upload into quarantine without looking at it: quarantine, record and done are those of ``process``.

        Raises:
            Transient: nothing is lost; the upload still lies in its bucket.
        """
        try:
            outcome = self._quarantine(upload, call, why, Stopwatch(call.times))
        except AlreadyDone as gone:
            return _acknowledged(upload, gone)
        return self._finish(upload, outcome, remove=remove)

    def set_aside(self, upload: Upload, call: Call, why: Permanent) -> Outcome:
        """Leave an upload that nothing can be done with where it is: recorded and marked, it is never taken again.

        Raises:
            Transient: nothing is lost; it is not marked, and may be taken again.
        """
        Stopwatch(call.times).stop()
        try:
            return self._set_aside(upload, self._failure(upload, call, why, quarantine_uri=None))
        except RowRefused as error:
            self._mark_aside(upload, str(why))
            log.error(f"set aside without a row: {upload.ref}: {error}", extra={"fields": {"outcome": "set_aside"}})
            return Acknowledged(upload.ref, "set_aside", str(why))

    def answer(
        self,
        content: bytes,
        facts: ImageFacts,
        who: Identity,
        call: Call,
        *,
        classifier: Classifier | None = None,
        record: bool = True,
    ) -> Prediction:
        """Classify an image that a caller sent; unless ``record`` is False, archive it and write its row.

        Args:
            content: the image's file.
            facts: about it.
            who: its identity.
            call: how it came; its times are filled in.
            classifier: the model to ask, which the caller took from ``classifiers``; None for the default.
            record: whether it is kept.

        Raises:
            Permanent: the image cannot be classified; nothing is kept.
            Transient: the caller may send it again.
        """
        self.rate.take()
        watch = Stopwatch(call.times)
        classifier = classifier or self.classifiers.default
        prediction = self._predict(classifier, content, facts, who, call, watch, keep=record)
        if record:
            self.warehouse.append(prediction)
        return prediction

    def _finish(self, upload: Upload, outcome: Recorded, *, remove: bool) -> Recorded:
        if isinstance(outcome, Failure) and outcome.quarantine_uri is None:
            return self._set_aside(upload, outcome)
        self.warehouse.append(outcome)
        if remove:
            self._remove(upload)
        return outcome

    def _remove(self, upload: Upload) -> None:
        """Delete an upload that has its row; one that may not be deleted is marked, so that it gets no row again."""
        try:
            self.store.delete(upload.ref)
        except StorageRefused as error:
            if set_aside.mark(self.store, self.quarantine_bucket, set_aside.NOT_DELETED, upload.ref, str(error)):
                log.error(
                    f"not deleted: {upload.ref} has its row and may not be removed; sweeps try that again: {error}",
                    extra={"fields": {"outcome": "not_deleted", "uri": upload.ref.uri}},
                )

    def _set_aside(self, upload: Upload, failure: Failure) -> Failure:
        self.warehouse.append(failure)
        self._mark_aside(upload, failure.detail)
        return failure

    def _mark_aside(self, upload: Upload, why: str) -> None:
        set_aside.mark(self.store, self.quarantine_bucket, set_aside.SET_ASIDE, upload.ref, why)

    def _predict_or_quarantine(self, upload: Upload, call: Call, watch: Stopwatch) -> Recorded:
        try:
            return self._predict_upload(upload, call, watch)
        except Permanent as error:
            return self._quarantine(upload, call, error, watch)

    def _quarantine(self, upload: Upload, call: Call, error: Permanent, watch: Stopwatch) -> Failure:
        """Copy an upload that cannot become a prediction to where it may rest, and say why.

        What may not even be copied rests where it is.
        """
        name: str | None = ids.of_object(upload.ref).upload_id
        try:
            with watch.step("archive_ms"):
                self.store.copy_once(upload.ref, self.quarantine_bucket, str(name))
        except Unreadable:
            name = None
        watch.stop()
        return self._failure(
            upload, call, error, quarantine_uri=f"gs://{self.quarantine_bucket}/{name}" if name else None
        )

    def _failure(self, upload: Upload, call: Call, error: Permanent, *, quarantine_uri: str | None) -> Failure:
        who = ids.of_object(upload.ref)
        return Failure(
            failure_id=who.upload_id,
            uploaded_at=who.uploaded_at,
            reason=error.reason,
            detail=str(error),
            image=_facts_of(upload),
            quarantine_uri=quarantine_uri,
            call=call,
        )

    def _predict_upload(self, upload: Upload, call: Call, watch: Stopwatch) -> Prediction:
        classifier, who = self.classifiers.of(upload), ids.of_object(upload.ref)
        check_size(upload.size_bytes, self.limits)
        held = bytes_held(upload.size_bytes, upload.content_encoding, self.limits.max_bytes)
        with self.memory.room_for_file(held):
            with watch.step("read_ms"):
                content = self.store.read(upload.ref, self.limits.max_bytes)
            return self._predict(classifier, content, _facts_of(upload), who, call, watch, keep=True)

    def _predict(
        self,
        classifier: Classifier,
        content: bytes,
        facts: ImageFacts,
        who: Identity,
        call: Call,
        watch: Stopwatch,
        *,
        keep: bool,
    ) -> Prediction:
        edge_px = classifier.bundle.manifest.input.long_edge_px
        with watch.step("decode_ms"):
            image = decode(content, self.limits, shrink_to_px=edge_px, budget=self.memory.decodes)
        sha256 = facts.sha256 or hashlib.sha256(content).hexdigest()
        kept, kept_sha256 = content, sha256
        if keep and self.strip:  # row and identity keep the digest of what was sent
            kept = self.strip(content, image, self.limits, shrink_to_px=edge_px, budget=self.memory.decodes)
            kept_sha256 = hashlib.sha256(kept).hexdigest()
        # The copy needs only bytes that are known to be a picture, so it travels while the model works.
        name = archive_name(kept_sha256, image.format)
        copy = self._copies.submit(self._archive, name, kept, image.format, watch) if keep else None
        try:
            with watch.step("classify_ms"):
                classification = classifier.classify(image.pixels)
        finally:
            if copy:
                copy.result()
        watch.stop()
        model = classifier.bundle.facts
        return Prediction(
            prediction_id=who.prediction_id(model.digest),
            upload_id=who.upload_id,
            uploaded_at=who.uploaded_at,
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
            call=call,
        )

    def _archive(self, name: str, content: bytes, format: str, watch: Stopwatch) -> None:
        with watch.step("archive_ms"):
            self.store.write_once(self.archive_bucket, name, content, archive_content_type(format))

    @cached_property
    def _copies(self) -> ThreadPoolExecutor:
        """Threads for the copies into the archive; made on first use, since threads do not survive a fork."""
        return ThreadPoolExecutor(max_workers=16, thread_name_prefix="archive")


def _acknowledged(upload: Upload, gone: AlreadyDone) -> Acknowledged:
    return Acknowledged(upload.ref, "superseded" if isinstance(gone, Superseded) else "already_done")


def _facts_of(upload: Upload) -> ImageFacts:
    return ImageFacts(
        bucket=upload.ref.bucket,
        name=upload.ref.name,
        generation=upload.ref.generation,
        size_bytes=upload.size_bytes,
        content_type=upload.content_type or None,
    )
