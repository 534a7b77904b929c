"""The uploads of a sweep: those that no event has finished, or all objects of another bucket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zlib import crc32

from shared.errors import AlreadyDone, BadRequest
from shared.parsing.gs_uri import bucket_name
from shared.parsing.setting_values import BUCKET_NAME
from shared.ports import ObjectStore
from shared.settings import Platform, Settings
from shared.types import Upload


@dataclass(frozen=True, slots=True)
class Backlog:
    """One task's share of the objects in a bucket."""

    bucket: str
    prefix: str = ""
    keep: bool = False
    """Whether the objects are not deleted, and those that have a row are skipped."""
    age_s: int = 0
    """The least age of an upload, in seconds: the events of younger ones may still arrive."""
    task_index: int = 0
    task_count: int = 1
    live_only: bool = False
    """Whether deleted and overwritten versions are skipped: in the upload bucket each of them is an upload, in another
    bucket they are meant to be gone."""

    @classmethod
    def of(cls, settings: Settings, platform: Platform, bucket: str | None, prefix: str = "", *, keep: bool) -> Backlog:
        """Return the backlog of a sweep in this process.

        Args:
            settings: the settings of the process.
            platform: has the number of this task and of all tasks.
            bucket: with or without ``gs://``; None for the upload bucket.
            prefix: how the names of the objects begin.
            keep: whether the objects are not deleted.

        Raises:
            BadRequest: ``bucket`` is not a bucket's name, or must not be swept, or must not be emptied.
        """
        bucket = _checked_bucket(settings, bucket, keep, is_shadow=platform.is_shadow)
        is_upload_bucket = bucket == settings.upload_bucket
        age_s = settings.backlog_age_s if is_upload_bucket else 0
        return cls(
            bucket, prefix, keep, age_s, platform.task_index, platform.task_count, live_only=not is_upload_bucket
        )

    def uploads(self, store: ObjectStore) -> Iterator[Upload]:
        """List this share's objects, by name and generation.

        The CRC-32 of the name decides the share, so that tasks need not communicate.

        Raises:
            BadRequest: the bucket does not exist.
            StorageUnavailable: the listing failed.
        """
        older_than = datetime.now(UTC) - timedelta(seconds=self.age_s)
        try:
            for upload in store.uploads(self.bucket, self.prefix, live_only=self.live_only):
                is_own_share = crc32(upload.ref.name.encode()) % self.task_count == self.task_index
                if is_own_share and upload.ref.created_at < older_than:
                    yield upload
        except AlreadyDone as error:
            raise BadRequest(f"There is no bucket gs://{self.bucket}.") from error


def _checked_bucket(settings: Settings, option: str | None, keep: bool, *, is_shadow: bool) -> str:
    bucket = bucket_name(option or settings.upload_bucket)
    if not BUCKET_NAME.fullmatch(bucket):
        raise BadRequest(
            f"--bucket is {option!r}, expected a bucket's name; give the start of object names as --prefix."
        )
    if is_shadow and not keep:
        raise BadRequest(
            "SHADOW is true: the rows of a shadow do not count, so it must not delete uploads; add --keep."
        )
    if is_shadow and bucket == settings.archive_bucket:
        return bucket  # a challenger classifies what the champion has classified
    if bucket in (settings.archive_bucket, settings.quarantine_bucket):
        role = "archive" if bucket == settings.archive_bucket else "quarantine"
        raise BadRequest(
            f"gs://{bucket} is the {role} bucket, whose files were already processed; give another --bucket."
        )
    if bucket != settings.upload_bucket and not keep:
        raise BadRequest(
            f"gs://{bucket} is not the upload bucket, gs://{settings.upload_bucket}, and a sweep deletes what it has "
            "classified; add --keep to delete nothing."
        )
    return bucket
