"""Attempt markers: how the sweep notices that an upload kills whoever decodes it.

A marker is an object ``attempts/{upload_id}/{number}`` in the quarantine bucket. It is written before an upload is
decoded and removed once there is an outcome, an error that says to come back, or an orderly end. So a marker that
stays was written by a process that was killed, or by one that was still at it when it had to end and should long have
been done. Two of them are enough to decode the upload no more.

An object ``attempts/postponed/{upload_id}`` says since when a sweep could not finish an upload, for an error that
said to come back.
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

from shared.backlog.standing_markers import Attempt, StandingMarkers
from shared.errors import AlreadyDone, BucketlensError, NameTaken, Transient, TriedTooOften
from shared.pipeline.ids import ImageIds
from shared.ports import ObjectStore
from shared.types import ObjectRef, Upload

FOLDER = "attempts/"
POSTPONED = f"{FOLDER}postponed/"
DECODES = 2
"""How often an upload may end the process that decodes it; after that it is not decoded again."""

MARKER_BYTES = 64 * 1024
"""More than a marker ever has: it names an object, and a name has 1,024 bytes at most."""


class BeingTried(Transient):
    """The last attempt began so lately that its process may still be at work."""


class Attempts:
    """The markers of one bucket. Thread-safe.

    Args:
        store: where the markers lie.
        bucket: the quarantine bucket.
        timeout_s: after so long, whoever wrote a marker has finished or is dead.
        writer: what a marker says of the process that wrote it, for people.
    """

    def __init__(
        self, store: ObjectStore, bucket: str, timeout_s: float, writer: Mapping[str, str | int | None]
    ) -> None:
        self._store = store
        self._bucket = bucket
        self._timeout_s = timeout_s
        self._writer = {**writer, "process": uuid.uuid4().hex}
        self._standing = StandingMarkers()

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
        upload_id = ImageIds.of_object(upload).upload_id
        begun = [marker.ref.created_at for marker in _found(self._store, self._bucket, _names_of(upload_id))]
        if not begun or (now - max(begun)).total_seconds() < self._timeout_s:
            raise BeingTried(f"{upload} was begun less than {self._timeout_s:.0f} s ago; another sweep may be at it.")
        raise TriedTooOften(
            f"The file was begun {DECODES} times, and each time the process ended before it was done, last at "
            f"{max(begun):%Y-%m-%d %H:%M:%S} UTC; save it again with an image editor, or give the service more memory."
        )

    def finish(self, attempt: Attempt) -> None:
        """Remove the markers of an upload that has its outcome; what cannot be removed now is tried again later."""
        if attempt.number > 1:
            self.forget(attempt.upload)
        self.give_back(attempt)

    def give_back(self, attempt: Attempt) -> None:
        """Remove the marker of an attempt that nothing was wrong with, as if it had never begun."""
        self._standing.give_back(attempt)
        with suppress(Transient):
            self._store.delete(attempt.marker)
            self._standing.remove(attempt)

    def leave(self, attempt: Attempt) -> None:
        """Let the marker stand: the attempt ended in a way that nobody foresaw."""
        self._standing.remove(attempt)

    def give_back_all(self, within_s: float) -> None:
        """Give back, all at once, what is at work, also what could not be given back before.

        An attempt that has gone on for longer than ``timeout_s`` hangs: its marker stays, and counts.
        """
        began_after_s = time.monotonic() - self._timeout_s
        gives = [
            threading.Thread(target=self.give_back, args=(attempt,), daemon=True)
            for attempt in self._standing.to_give_back(began_after_s)
        ]
        for give in gives:
            give.start()
        give_up_at = time.monotonic() + within_s
        for give in gives:
            give.join(max(0.0, give_up_at - time.monotonic()))

    def first_postponed_at(self, upload: ObjectRef) -> datetime | None:
        """Note that an upload must wait for another sweep; returns since when it has. None if that cannot be noted."""
        name = f"{POSTPONED}{ImageIds.of_object(upload).upload_id}"
        try:
            return self._store.write_once(self._bucket, name, self._says(upload), "application/json").created_at
        except NameTaken:
            with suppress(Transient, AlreadyDone):
                return self._store.find(self._bucket, name).ref.created_at
        except Transient:
            pass
        return None

    def forget(self, upload: ObjectRef) -> None:
        """Remove every marker of an upload that has its outcome; those that cannot be removed now are leftovers."""
        with suppress(Transient):
            forget(self._store, self._bucket, ImageIds.of_object(upload).upload_id)

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
        name = f"{FOLDER}{ImageIds.of_object(upload).upload_id}/{number}"
        content = self._says(upload)  # of no other attempt: a marker of these bytes is ours, though its answer was lost
        try:
            marker = self._store.write_once(self._bucket, name, content, "application/json")
        except NameTaken:
            return None
        attempt = Attempt(upload, number, marker, time.monotonic())
        self._standing.add(attempt)
        return attempt

    def _says(self, upload: ObjectRef) -> bytes:
        says = {"upload": asdict(upload), "begun_at": datetime.now(UTC).isoformat(), **self._writer}
        return json.dumps(says, indent=2, ensure_ascii=False).encode()

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
    for marker in _found(store, bucket, [*_names_of(upload_id), f"{POSTPONED}{upload_id}"]):
        store.delete(marker.ref)


def _names_of(upload_id: str) -> list[str]:
    return [f"{FOLDER}{upload_id}/{number}" for number in range(1, DECODES + 1)]


def _found(store: ObjectStore, bucket: str, names: Iterable[str]) -> Iterator[Upload]:
    """Look by name, not by listing: in a bucket that keeps versions a listing shows what was removed."""
    for name in names:
        with suppress(AlreadyDone):
            yield store.find(bucket, name)
