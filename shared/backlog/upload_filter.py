"""Select the uploads that a sweep processes from a listing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from shared.backlog.already_recorded import batches, recorded_uploads
from shared.errors import UnknownModel
from shared.pipeline import set_aside
from shared.pipeline.ids import ImageIds
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.receive import is_upload
from shared.types import ObjectRef, Upload


class UploadFilter:
    """A filter that yields uploads to classify and counts the others. Not thread-safe.

    Args:
        pipeline: the pipeline that will process the uploads.
        keep: whether processed uploads stay in their bucket, so that the warehouse must be queried for rows.
        is_shadow: whether the sweep is of a shadow release.
        count: called with the outcome of each upload that is not yielded.
    """

    def __init__(self, pipeline: Pipeline, *, keep: bool, is_shadow: bool, count: Callable[[str], None]) -> None:
        self._pipeline = pipeline
        self._keep = keep
        self._is_shadow = is_shadow
        self._count = count
        self.oldest_s = 0.0
        """The age of the oldest upload that was yielded, in seconds."""
        self.not_deleted: list[Upload] = []
        """Uploads that have their row but could not be deleted."""

    def select(self, uploads: Iterable[Upload]) -> Iterator[Upload]:
        """Yield the uploads to classify, in order.

        Raises:
            BadRequest: the warehouse cannot answer the query, such as without its tables.
            Transient: marks, uploads or rows cannot be read now.
        """
        uploads = self._not_marked(uploads)
        for upload in self._not_recorded(uploads) if self._keep else uploads:
            self.oldest_s = max(self.oldest_s, (datetime.now(UTC) - upload.ref.created_at).total_seconds())
            yield upload

    def has_row(self, ref: ObjectRef) -> bool:
        """Return whether an upload has a prediction by a model that is served now, or a failure."""
        digests = [classifier.bundle.digest for classifier in self._pipeline.models.served]
        return bool(self._recorded({ref: digests}))

    def _not_marked(self, uploads: Iterable[Upload]) -> Iterator[Upload]:
        kinds = set_aside.marked_uploads(self._pipeline.store, self._pipeline.quarantine_bucket)
        for upload in uploads:
            kind = kinds.get(ImageIds.of_object(upload.ref).upload_id) if kinds else None
            if not is_upload(upload):
                self._count("not_an_upload")
            elif kind == set_aside.SET_ASIDE or (kind and self._keep):
                self._count("skipped")
            elif kind == set_aside.NOT_DELETED:
                self.not_deleted.append(upload)
            else:
                yield upload

    def _not_recorded(self, uploads: Iterable[Upload]) -> Iterator[Upload]:
        for batch in batches(uploads):
            refs = self._recorded({upload.ref: self._digests_for(upload) for upload in batch})
            for upload in batch:
                if upload.ref in refs:
                    self._count("skipped")
                else:
                    yield upload

    def _recorded(self, models: dict[ObjectRef, list[str]]) -> set[ObjectRef]:
        return recorded_uploads(self._pipeline.warehouse, models, is_shadow=self._is_shadow)

    def _digests_for(self, upload: Upload) -> list[str]:
        """Return the digest of an upload's model; empty if the model is not served, so that it can only fail."""
        try:
            return [self._pipeline.models.get_model_for(upload).bundle.digest]
        except UnknownModel:
            return []
