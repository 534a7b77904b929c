"""Attempt markers, by which sweeps recognise an upload that kills the process that decodes it.

A marker is an object ``attempts/{upload_id}/{number}`` in the quarantine bucket. It is written before an upload is
decoded, and deleted after an outcome, a transient error or a graceful shutdown. So a marker that remains means that
the process was killed, that the attempt hung, or that it ended with an unexpected error. An upload with two such
markers is not decoded again.

An object ``attempts/postponed/{upload_id}`` records the time since which sweeps could not finish an upload, because of
transient errors.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import takewhile

from shared.backlog.open_attempts import Attempt, OpenAttempts
from shared.errors import AlreadyDone, BucketlensError, NameTaken, Transient, TriedTooOften
from shared.pipeline.ids import ImageIds
from shared.ports import ObjectStore
from shared.types import ObjectRef, Upload

FOLDER = "attempts/"
POSTPONED = f"{FOLDER}postponed/"
DECODES = 2
"""How many attempts may decode an upload; after that it is quarantined unread."""

MARKER_BYTES = 64 * 1024
"""The most bytes that are read of a marker; it names an object, and a name has at most 1,024 bytes."""


class BeingTried(Transient):
    """The last attempt began so recently that its process may still be running."""


class Attempts:
    """The attempt markers of one bucket. Thread-safe.

    Args:
        store: the store that holds the bucket.
        bucket: the quarantine bucket.
        timeout_s: the age at which an attempt counts as ended, finished or not.
        writer: facts of this process that markers record, for people.
    """

    def __init__(
        self, store: ObjectStore, bucket: str, timeout_s: float, writer: Mapping[str, str | int | None]
    ) -> None:
        self._store = store
        self._bucket = bucket
        self._timeout_s = timeout_s
        self._writer = {**writer, "process": uuid.uuid4().hex}
        self._open = OpenAttempts()

    def begin_first(self, upload: ObjectRef) -> Attempt | None:
        """Write the first marker of an upload; return None if it already has one.

        Raises:
            Transient: the marker cannot be written.
        """
        return self._begin(upload, 1)

    def begin_next(self, upload: ObjectRef, now: datetime) -> Attempt:
        """Write a marker of an upload with the first free number.

        Raises:
            TriedTooOften: every attempt is used up, and the last has timed out.
            BeingTried: every attempt is used up, but the last may still be running.
            Transient: the marker cannot be written.
        """
        for number in range(1, DECODES + 1):
            if attempt := self._begin(upload, number):
                return attempt
        upload_id = ImageIds.of_object(upload).upload_id
        begun_at = [marker.ref.created_at for marker in _existing(self._store, self._bucket, _names_of(upload_id))]
        if not begun_at or (now - max(begun_at)).total_seconds() < self._timeout_s:
            raise BeingTried(
                f"An attempt at {upload} began less than {self._timeout_s:.0f} s ago; another sweep may still run it."
            )
        raise TriedTooOften(
            f"Processing of the file began {DECODES} times, and each time it ended without a result, last begun at "
            f"{max(begun_at):%Y-%m-%d %H:%M:%S} UTC; save it again with an image editor, or give the service more "
            "memory."
        )

    def finish(self, attempt: Attempt) -> None:
        """Delete the markers of an upload that has its outcome; those that cannot be deleted are retried later."""
        if attempt.number > 1:
            self.delete_markers(attempt.upload)
        self.withdraw(attempt)

    def withdraw(self, attempt: Attempt) -> None:
        """Delete the marker of an attempt, as if it had never begun."""
        self._open.withdraw(attempt)
        with suppress(Transient):
            self._store.delete(attempt.marker)
            self._open.remove(attempt)

    def keep_marker(self, attempt: Attempt) -> None:
        """Keep the marker of an attempt that ended with an unexpected error."""
        self._open.remove(attempt)

    def withdraw_all(self, within_s: float) -> None:
        """Withdraw, in parallel, all running attempts and those whose markers could not be deleted before.

        An attempt that has run for longer than ``timeout_s`` hangs: its marker stays, and counts.
        """
        began_after_s = time.monotonic() - self._timeout_s
        threads = [
            threading.Thread(target=self.withdraw, args=(attempt,), daemon=True)
            for attempt in self._open.to_withdraw(began_after_s)
        ]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + within_s
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def first_postponed_at(self, upload: ObjectRef) -> datetime | None:
        """Record that an upload is postponed; return since when it has been, or None if that cannot be recorded."""
        name = f"{POSTPONED}{ImageIds.of_object(upload).upload_id}"
        try:
            return self._store.write_once(self._bucket, name, self._content(upload), "application/json").created_at
        except NameTaken:
            with suppress(Transient, AlreadyDone):
                return self._store.find(self._bucket, name).ref.created_at
        except Transient:
            pass
        return None

    def delete_markers(self, upload: ObjectRef) -> None:
        """Delete every marker of an upload that has its outcome; markers that cannot be deleted become leftovers."""
        with suppress(Transient):
            delete_markers(self._store, self._bucket, ImageIds.of_object(upload).upload_id)

    def remove_leftovers(self, now: datetime, is_done: Callable[[ObjectRef], bool]) -> None:
        """Delete the markers of uploads that are gone or done, which a kill between the last two steps leaves.

        Raises:
            Transient: some markers may remain, for the next sweep.
        """
        for marker in self._store.uploads(self._bucket, FOLDER):
            if (now - marker.ref.created_at).total_seconds() < self._timeout_s:
                continue
            upload = self._upload_of(marker)
            if upload is None or not self._exists(upload) or is_done(upload):
                self._store.delete(marker.ref)

    def _begin(self, upload: ObjectRef, number: int) -> Attempt | None:
        name = f"{FOLDER}{ImageIds.of_object(upload).upload_id}/{number}"
        content = self._content(upload)  # unique, so that a write whose answer was lost is recognised as ours
        try:
            marker = self._store.write_once(self._bucket, name, content, "application/json")
        except NameTaken:
            return None
        attempt = Attempt(upload, number, marker, time.monotonic())
        self._open.add(attempt)
        return attempt

    def _content(self, upload: ObjectRef) -> bytes:
        document = {"upload": asdict(upload), "begun_at": datetime.now(UTC).isoformat(), **self._writer}
        return json.dumps(document, indent=2, ensure_ascii=False).encode()

    def _upload_of(self, marker: Upload) -> ObjectRef | None:
        try:
            return ObjectRef(**json.loads(self._store.read(marker.ref, MARKER_BYTES))["upload"])
        except Transient:
            raise
        except (ValueError, KeyError, TypeError, BucketlensError):
            return None

    def _exists(self, upload: ObjectRef) -> bool:
        try:
            versions = takewhile(
                lambda version: version.ref.name == upload.name, self._store.uploads(upload.bucket, upload.name)
            )
            return any(version.ref == upload for version in versions)
        except AlreadyDone:
            return False


def delete_markers(store: ObjectStore, bucket: str, upload_id: str) -> None:
    """Delete every marker of an upload; idempotent.

    Raises:
        Transient: some markers may remain.
    """
    for marker in _existing(store, bucket, [*_names_of(upload_id), f"{POSTPONED}{upload_id}"]):
        store.delete(marker.ref)


def _names_of(upload_id: str) -> list[str]:
    return [f"{FOLDER}{upload_id}/{number}" for number in range(1, DECODES + 1)]


def _existing(store: ObjectStore, bucket: str, names: Iterable[str]) -> Iterator[Upload]:
    """Yield the objects that exist; by name, since a listing of a bucket with versions also has deleted objects."""
    for name in names:
        with suppress(AlreadyDone):
            yield store.find(bucket, name)
