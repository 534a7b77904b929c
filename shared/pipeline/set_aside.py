"""Marks of uploads that stay in the upload bucket, by which sweeps recognise them.

There are two kinds. An upload that can neither be read nor copied is *set aside*: it has its row in ``failures``, and
nothing else can be done. An upload that has its row but may not be deleted, because of a hold, a retention policy or a
missing permission, is *not deleted*: each sweep only tries to delete it again.

A mark is an object ``aside/{kind}/{upload_id}`` in the quarantine bucket. It is kept as long as the files in
quarantine are.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

from shared.errors import AlreadyDone, NameTaken, StorageRefused
from shared.pipeline.ids import ImageIds
from shared.ports import ObjectStore
from shared.types import ObjectRef

FOLDER = "aside/"
SET_ASIDE, NOT_DELETED = "set_aside", "not_deleted"


def mark(store: ObjectStore, bucket: str, kind: str, upload: ObjectRef, reason: str) -> bool:
    """Mark an upload; idempotent. Return whether it had no mark of that kind before.

    Args:
        store: the store that holds the bucket.
        bucket: the quarantine bucket.
        kind: ``SET_ASIDE`` or ``NOT_DELETED``.
        upload: the object that stays.
        reason: a sentence for people.

    Raises:
        StorageUnavailable: the mark cannot be written.
    """
    document = {"upload": asdict(upload), "marked_at": datetime.now(UTC).isoformat(), "why": reason}
    content = json.dumps(document, indent=2, ensure_ascii=False).encode()
    try:
        store.write_once(bucket, _name(kind, ImageIds.of_object(upload).upload_id), content, "application/json")
    except NameTaken:
        return False
    return True


def marked_uploads(store: ObjectStore, bucket: str) -> dict[str, str]:
    """Return the kind of each marked upload by its upload id; ``NOT_DELETED`` if it has both marks.

    Raises:
        StorageUnavailable: the marks cannot be listed.
    """
    kinds: dict[str, str] = {}
    try:
        for marker in store.uploads(bucket, FOLDER, live_only=True):
            kind, _, upload_id = marker.ref.name.removeprefix(FOLDER).partition("/")
            if kinds.get(upload_id) != NOT_DELETED:
                kinds[upload_id] = kind
    except AlreadyDone as error:
        raise StorageRefused(f"There is no bucket gs://{bucket}; create it.") from error
    return kinds


def unmark(store: ObjectStore, bucket: str, upload_id: str) -> None:
    """Remove the marks of an upload; it is not an error if there are none.

    Raises:
        StorageUnavailable: some marks may remain.
    """
    for kind in (SET_ASIDE, NOT_DELETED):
        try:
            store.delete(store.find(bucket, _name(kind, upload_id)).ref)
        except AlreadyDone:
            continue


def _name(kind: str, upload_id: str) -> str:
    return f"{FOLDER}{kind}/{upload_id}"
