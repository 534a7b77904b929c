"""Attempt markers: how the sweep notices that an upload kills whoever decodes it.

A marker is an object ``attempts/{upload_id}/{number}`` in the quarantine bucket. It is written before an upload is
decoded and removed once there is an outcome, an error that says to come back, or an orderly end. So a marker that
stays was written by a process that was killed, and two of them are enough to decode the upload no more.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import takewhile

from shared import identity
from shared.errors import AlreadyDone, BucketlensError, Transient, TriedTooOften
from shared.ports import ObjectStore
from shared.types import ObjectRef, Upload

FOLDER = "attempts/"
DECODES = 2
"""How often an upload may end the process that decodes it; after that it is not decoded again."""

MARKER_BYTES = 64 * 1024
"""More than a marker ever has: it names an object, and a name has 1,024 bytes at most."""


class BeingTried(Transient):
    """The last attempt began so lately that its process may still be at work."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An upload that is being worked on, and the marker that says so."""

    upload: ObjectRef
    number: int
    """From 1."""
    marker: ObjectRef


class Attempts:
    """The markers of one bucket. Thread-safe.

    Args:
        store: where the markers lie.
        bucket: the quarantine bucket.
        timeout_s: after so long, whoever wrote a marker has finished or is dead.
        who: what a marker says of the process that wrote it, for people.
    """

    def __init__(self, store: ObjectStore, bucket: str, timeout_s: float, who: Mapping[str, str | int | None]) -> None:
        self._store = store
        self._bucket = bucket
        self._timeout_s = timeout_s
        self._who = {**who, "process": uuid.uuid4().hex}
        self._open: set[Attempt] = set()

    def begin_first(self, upload: ObjectRef) -> Attempt | None:
        """Mark an upload as being worked on; None if there is a marker from before.

        Raises:
            Transient: the marker cannot be written.
        """
        return self._begin(upload, 1)

    def begin_next(self, upload: ObjectRef, now: datetime) -> Attempt:
        """Mark an upload with the first number that is free.

        Raises:
            TriedTooOften: every attempt was used up, and the last is too long ago to go on still.
            BeingTried: every attempt was used up, but the last may go on still.
            Transient: the marker cannot be written.
        """
        for number in range(1, DECODES + 1):
            if attempt := self._begin(upload, number):
                return attempt
        upload_id = identity.of_object(upload).upload_id
        begun = [marker.ref.created_at for marker in _markers_of(self._store, self._bucket, upload_id)]
        if not begun or (now - max(begun)).total_seconds() < self._timeout_s:
            raise BeingTried(f"{upload} was begun less than {self._timeout_s:.0f} s ago; another sweep may be at it.")
        raise TriedTooOften(
            f"The file was begun {DECODES} times and ended the process each time, last at "
            f"{max(begun):%Y-%m-%d %H:%M:%S} UTC; save it again with an image editor, or give the service more memory."
        )

    def finish(self, attempt: Attempt) -> None:
        """Remove the markers of an upload that has its outcome; what cannot be removed now is tried again later."""
        if attempt.number > 1:
            self.forget(attempt.upload)
        self.give_back(attempt)

    def give_back(self, attempt: Attempt) -> None:
        """Remove the marker of an attempt that nothing was wrong with, as if it had never begun."""
        with suppress(Transient):
            self._remove(attempt)

    def leave(self, attempt: Attempt) -> None:
        """Let the marker stand: the attempt ended in a way that nobody foresaw."""
        self._open.discard(attempt)

    def give_back_all(self, within_s: float) -> None:
        """Give back, all at once, what is open, also what could not be given back before."""
        gives = [threading.Thread(target=self.give_back, args=(one,), daemon=True) for one in list(self._open)]
        for give in gives:
            give.start()
        give_up_at = time.monotonic() + within_s
        for give in gives:
            give.join(max(0.0, give_up_at - time.monotonic()))

    def forget(self, upload: ObjectRef) -> None:
        """Remove every marker of an upload that has its outcome; those that cannot be removed now are leftovers."""
        with suppress(Transient):
            forget(self._store, self._bucket, identity.of_object(upload).upload_id)

    def remove_leftovers(self, now: datetime, is_done: Callable[[ObjectRef], bool]) -> None:
        """Remove the markers of uploads that are gone, or done: a kill between the last two steps leaves such.

        Raises:
            Transient: some may be left, for the next sweep.
        """
        for marker in self._store.uploads(self._bucket, FOLDER):
            if (now - marker.ref.created_at).total_seconds() < self._timeout_s:
                continue
            upload = self._upload_of(marker)
            if upload is None or not self._is_there(upload) or is_done(upload):
                self._store.delete(marker.ref)

    def _begin(self, upload: ObjectRef, number: int) -> Attempt | None:
        name = f"{FOLDER}{identity.of_object(upload).upload_id}/{number}"
        says = {"upload": asdict(upload), "begun_at": datetime.now(UTC).isoformat(), **self._who}
        content = json.dumps(says, indent=2, ensure_ascii=False).encode()
        marker = self._store.write_once(self._bucket, name, content, "application/json")
        marker = marker or self._if_ours(name, content)
        if marker is None:
            return None
        attempt = Attempt(upload, number, marker)
        self._open.add(attempt)
        return attempt

    def _if_ours(self, name: str, content: bytes) -> ObjectRef | None:
        """A marker that is there already may be our own: the answer to its writing was lost, and it was sent again."""
        try:
            marker = self._store.find(self._bucket, name)
            return marker.ref if self._store.read(marker.ref, MARKER_BYTES) == content else None
        except AlreadyDone:
            return None

    def _remove(self, attempt: Attempt) -> None:
        self._store.delete(attempt.marker)
        self._open.discard(attempt)

    def _upload_of(self, marker: Upload) -> ObjectRef | None:
        try:
            return ObjectRef(**json.loads(self._store.read(marker.ref, MARKER_BYTES))["upload"])
        except Transient:
            raise
        except (ValueError, KeyError, TypeError, BucketlensError):
            return None

    def _is_there(self, upload: ObjectRef) -> bool:
        try:
            versions = takewhile(
                lambda one: one.ref.name == upload.name, self._store.uploads(upload.bucket, upload.name)
            )
            return any(one.ref == upload for one in versions)
        except AlreadyDone:
            return False


def forget(store: ObjectStore, bucket: str, upload_id: str) -> None:
    """Remove every marker of an upload.

    Raises:
        Transient: some may be left.
    """
    for marker in _markers_of(store, bucket, upload_id):
        store.delete(marker.ref)


def _markers_of(store: ObjectStore, bucket: str, upload_id: str) -> Iterator[Upload]:
    """Look by name, not by listing: in a bucket that keeps versions a listing shows what was removed."""
    for number in range(1, DECODES + 1):
        with suppress(AlreadyDone):
            yield store.find(bucket, f"{FOLDER}{upload_id}/{number}")
