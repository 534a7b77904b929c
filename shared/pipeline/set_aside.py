"""Uploads that stay in the upload bucket for good, and the marks by which sweeps know them.

There are two kinds. An upload that can neither be read nor copied is *set aside*: it has its row in ``failures``, and
nothing else can be done. One that has its row, and may not be deleted for a hold, a retention policy or a permission
that is missing, is *not deleted*: each sweep asks again for that, and for nothing else.

A mark is an object ``aside/{kind}/{upload_id}`` in the quarantine bucket. It lasts for as long as what lies in
quarantine does.
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


def mark(store: ObjectStore, bucket: str, kind: str, upload: ObjectRef, why: str) -> bool:
    """Mark an upload; repeatable. Returns whether it bore no mark of that kind before.

    Args:
        store: where the mark is put.
        bucket: the quarantine bucket.
        kind: ``SET_ASIDE`` or ``NOT_DELETED``.
        upload: what stays.
        why: for people.

    Raises:
        StorageUnavailable: the mark cannot be written.
    """
    says = {"upload": asdict(upload), "marked_at": datetime.now(UTC).isoformat(), "why": why}
    content = json.dumps(says, indent=2, ensure_ascii=False).encode()
    try:
        store.write_once(bucket, _name(kind, ImageIds.of_object(upload).upload_id), content, "application/json")
    except NameTaken:
        return False
    return True


def marked(store: ObjectStore, bucket: str) -> dict[str, str]:
    """Return the kind of each upload that bears a mark, by its upload id; one that has both was not deleted.

    Raises:
        StorageUnavailable: the marks cannot be listed.
    """
    found: dict[str, str] = {}
    try:
        for one in store.uploads(bucket, FOLDER, live_only=True):
            kind, _, upload_id = one.ref.name.removeprefix(FOLDER).partition("/")
            if found.get(upload_id) != NOT_DELETED:
                found[upload_id] = kind
    except AlreadyDone as error:
        raise StorageRefused(f"There is no bucket gs://{bucket}; create it.") from error
    return found


def unmark(store: ObjectStore, bucket: str, upload_id: str) -> None:
    """Remove the marks of an upload; none is no error.

    Raises:
        StorageUnavailable: some may be left.
    """
    for kind in (SET_ASIDE, NOT_DELETED):
        try:
            store.delete(store.find(bucket, _name(kind, upload_id)).ref)
        except AlreadyDone:
            continue


def _name(kind: str, upload_id: str) -> str:
    return f"{FOLDER}{kind}/{upload_id}"
