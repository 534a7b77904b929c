"""What a sweep is to take: uploads that no event finished, or a whole bucket that is not ours to empty."""

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
    """Whether the objects stay, and those that have a row are left out."""
    age_s: int = 0
    """Only what was written so long ago: the events of younger ones may be on their way."""
    task_index: int = 0
    task_count: int = 1
    live_only: bool = False
    """Whether what was deleted or overwritten, and is kept as a version, is left out: in another's bucket it is meant
    to be gone. In the upload bucket it is an upload like any other."""

    @classmethod
    def of(cls, settings: Settings, platform: Platform, bucket: str | None, prefix: str = "", *, keep: bool) -> Backlog:
        """Return what a sweep of this process takes.

        Args:
            settings: of the process.
            platform: which task of how many this is.
            bucket: with or without ``gs://``; None for the upload bucket.
            prefix: of the objects' names.
            keep: whether the objects stay.

        Raises:
            BadRequest: ``bucket`` is no bucket, or one that must not be swept, or must not be emptied.
        """
        bucket = _checked(settings, bucket, keep, is_shadow=platform.is_shadow)
        is_ours = bucket == settings.upload_bucket
        age_s = settings.backlog_age_s if is_ours else 0
        return cls(bucket, prefix, keep, age_s, platform.task_index, platform.task_count, live_only=not is_ours)

    def uploads(self, store: ObjectStore) -> Iterator[Upload]:
        """List this share's objects, by name and generation.

        Shares are cut by the name's CRC-32, so that tasks need not talk to each other.

        Raises:
            BadRequest: there is no such bucket.
            StorageUnavailable: the listing broke off.
        """
        older_than = datetime.now(UTC) - timedelta(seconds=self.age_s)
        try:
            for upload in store.uploads(self.bucket, self.prefix, live_only=self.live_only):
                is_ours = crc32(upload.ref.name.encode()) % self.task_count == self.task_index
                if is_ours and upload.ref.created_at < older_than:
                    yield upload
        except AlreadyDone as error:
            raise BadRequest(f"There is no bucket gs://{self.bucket}.") from error


def _checked(settings: Settings, named: str | None, keep: bool, *, is_shadow: bool) -> str:
    bucket = bucket_name(named or settings.upload_bucket)
    if not BUCKET_NAME.fullmatch(bucket):
        raise BadRequest(f"--bucket is {named!r}, expected a bucket's name; how objects' names begin is a --prefix.")
    if is_shadow and not keep:
        raise BadRequest("SHADOW is true: a shadow's rows count nowhere, so it may remove nothing; add --keep.")
    if is_shadow and bucket == settings.archive_bucket:
        return bucket  # a challenger looks at what the champion has seen
    if bucket in (settings.archive_bucket, settings.quarantine_bucket):
        role = "archive" if bucket == settings.archive_bucket else "quarantine"
        raise BadRequest(f"gs://{bucket} is the {role}, whose files have been looked at; name another --bucket.")
    if bucket != settings.upload_bucket and not keep:
        raise BadRequest(
            f"gs://{bucket} is not the upload bucket, gs://{settings.upload_bucket}, and a sweep deletes what it has "
            "classified; to leave that bucket as it is, add --keep."
        )
    return bucket
