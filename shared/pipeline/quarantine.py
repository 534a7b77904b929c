"""The quarantine: copies of files that could not be classified, and their failures."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import Permanent, Unreadable
from shared.pipeline import set_aside
from shared.pipeline.ids import ImageIds
from shared.pipeline.received_image import call_of, facts_of
from shared.pipeline.stopwatch import Stopwatch
from shared.ports import ObjectStore
from shared.types import Call, Failure, ObjectRef, Upload


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The quarantine bucket: copies of failed uploads, and marks of uploads that stay. Thread-safe."""

    store: ObjectStore
    bucket: str

    def take(self, upload: Upload, call: Call, why: Permanent, watch: Stopwatch) -> Failure:
        """Copy an upload into quarantine and return its failure; without a URI if it cannot be copied.

        Raises:
            AlreadyDone: this generation is gone.
            StorageUnavailable: the upload was not copied.
        """
        name: str | None = ImageIds.of_object(upload.ref).upload_id
        try:
            with watch.step("archive_ms"):
                self.store.copy_once(upload.ref, self.bucket, str(name))
        except Unreadable:
            name = None
        return failure_of(upload, call, why, watch, quarantine_uri=f"gs://{self.bucket}/{name}" if name else None)

    def mark_set_aside(self, ref: ObjectRef, why: str) -> None:
        """Mark an upload so that sweeps skip it; idempotent.

        Raises:
            StorageUnavailable: the mark cannot be written.
        """
        set_aside.mark(self.store, self.bucket, set_aside.SET_ASIDE, ref, why)

    def mark_not_deleted(self, ref: ObjectRef, why: str) -> bool:
        """Mark an upload so that sweeps only try to delete it; idempotent. Return whether the mark is new.

        Raises:
            StorageUnavailable: the mark cannot be written.
        """
        return set_aside.mark(self.store, self.bucket, set_aside.NOT_DELETED, ref, why)


def failure_of(
    upload: Upload, call: Call, why: Permanent, watch: Stopwatch, *, quarantine_uri: str | None = None
) -> Failure:
    """Return the failure of an upload; without a URI the upload stays in its own bucket."""
    ids = ImageIds.of_object(upload.ref)
    return Failure(
        failure_id=ids.upload_id,
        uploaded_at=ids.uploaded_at,
        reason=why.reason,
        detail=str(why),
        image=facts_of(upload),
        quarantine_uri=quarantine_uri,
        call=call_of(upload, call),
        times=watch.times(),
    )
