"""Takes over the buckets of earlier versions, in which fake-gcs-server kept objects as files under their own names.

A bucket was a folder, an object a file in it with its metadata in the extended attribute ``user.metadata``. Versions
that were overwritten lay in a hidden bucket, as ``kept/BUCKET/NAME/GENERATION``; a file ``enabled/BUCKET`` there said
that a bucket keeps them. Files are linked, or copied where the disk has no links, and the old folder is removed only
after all of it is in the index.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import shutil
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.emulators.storage import index
from shared.emulators.storage.buckets import new_bucket
from shared.emulators.storage.names import BUCKET, ObjectName
from shared.emulators.storage.store import Store
from shared.emulators.storage.stored import Content, Stored

ATTRIBUTE = "user.metadata"
KEPT = "bucketlens-kept-versions"
DONE = "buckets of fake-gcs-server"
LARGEST_ATTRIBUTE_BYTES = 64 * 1024
FACTS = {
    "ContentType": "contentType",
    "ContentEncoding": "contentEncoding",
    "ContentDisposition": "contentDisposition",
    "ContentLanguage": "contentLanguage",
    "CacheControl": "cacheControl",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Old:
    """An object as it lay there."""

    file: Path
    target: ObjectName
    generation: int
    said: dict[str, Any]
    deleted: int | None


def take_over(folder: Path, store: Store) -> int:
    """Put all objects of an old folder into a store, once; call it before anybody uses the store.

    A file without metadata was never finished, and nobody was told that it is stored: it is moved aside, to
    ``<folder>.unfinished``. Killed in between, the next call does it again.

    Returns:
        How many objects and versions were taken over.
    """
    shutil.rmtree(folder.with_name(f"{folder.name}.tmp"), ignore_errors=True)
    if not folder.is_dir():
        return 0
    count = 0
    if store.db.execute("SELECT 1 FROM done WHERE what = ?", (DONE,)).fetchone() is None:
        found = [old for file in sorted(folder.rglob("*")) if file.is_file() and (old := _read(file, folder))]
        count = _insert(found, folder, store)
        log.warning("took over %d objects of %s", count, folder)
    shutil.rmtree(folder)
    return count


def _insert(found: list[Old], folder: Path, store: Store) -> int:
    db = store.db
    live = {old.target: old.generation for old in found if old.deleted is None}
    db.execute("BEGIN IMMEDIATE")
    for bucket in sorted(path.name for path in folder.iterdir() if path.is_dir() and BUCKET.fullmatch(path.name)):
        if bucket != KEPT:
            wishes = {"versioning": {"enabled": (folder / KEPT / "enabled" / bucket).is_file()}}
            db.execute("INSERT OR IGNORE INTO buckets VALUES (?, ?)", (bucket, json.dumps(new_bucket(bucket, wishes))))
    count = 0
    for old in found:
        if old.deleted is not None and live.get(old.target) == old.generation:
            continue  # a copy that was made before an overwriting that never came
        stored = _stored(old, store)
        if index.version_of(db, stored.target, stored.generation) is None:
            index.insert(db, stored)
            count += 1
    db.execute("INSERT INTO done VALUES (?)", (DONE,))
    db.execute("COMMIT")
    return count


def _read(file: Path, folder: Path) -> Old | None:
    bucket, *parts = file.relative_to(folder).parts
    if not parts or (bucket == KEPT and parts[0] == "enabled"):
        return None
    said = _metadata_of(file)
    if said is None:
        _move_aside(file, folder)
        return None
    if bucket != KEPT:
        return Old(file, ObjectName(bucket, "/".join(parts)), int(said["Generation"]), said, None)
    _, bucket, *names, generation = parts
    return Old(file, ObjectName(bucket, "/".join(names)), int(generation), said, int(said["Generation"]))


def _stored(old: Old, store: Store) -> Stored:
    said = old.said
    facts: dict[str, Any] = {ours: said[theirs] for theirs, ours in FACTS.items() if said.get(theirs)}
    facts.setdefault("contentType", "application/octet-stream")
    if said.get("Metadata"):
        facts["metadata"] = said["Metadata"]
    incoming = store.files.begin()
    name = incoming.content.file
    try:
        os.link(old.file, store.files.path(name))
    except OSError:
        shutil.copyfile(old.file, store.files.path(name))
    content = Content(name, old.file.stat().st_size, said["Crc32c"], said["Md5Hash"])
    updated = _microseconds(said.get("Updated"), old.generation) if old.deleted is None else old.generation
    return Stored(old.target, old.generation, 1, content, facts, updated, old.deleted)


def _move_aside(file: Path, folder: Path) -> None:
    place = folder.with_name(f"{folder.name}.unfinished") / file.relative_to(folder)
    place.parent.mkdir(parents=True, exist_ok=True)
    file.replace(place)
    log.warning("%s has no metadata, so its upload never ended; it lies in %s now", file, place)


def _microseconds(text: str | None, otherwise: int) -> int:
    try:
        return int(datetime.fromisoformat(text or "").timestamp() * 1e6)
    except ValueError:
        return otherwise


def _metadata_of(file: Path) -> dict[str, Any] | None:
    try:
        said = json.loads(_attribute_of(file))
    except (OSError, ValueError):
        return None
    return said if isinstance(said, dict) else None


def _attribute_of(file: Path) -> bytes:
    """Read the extended attribute; Python can on Linux only, on a Mac its library is asked."""
    if sys.platform == "linux":
        return os.getxattr(file, ATTRIBUTE)
    buffer = ctypes.create_string_buffer(LARGEST_ATTRIBUTE_BYTES)
    library = ctypes.CDLL(None, use_errno=True)
    length = library.getxattr(os.fsencode(file), ATTRIBUTE.encode(), buffer, LARGEST_ATTRIBUTE_BYTES, 0, 0)
    if length < 0:
        raise OSError(ctypes.get_errno(), "no such attribute")
    return buffer.raw[:length]
