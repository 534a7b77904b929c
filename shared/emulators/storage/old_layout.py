"""Migrate the buckets of earlier versions, in which fake-gcs-server stored objects as files under their own names.

A bucket was a folder, an object a file in it with its metadata in the extended attribute ``user.metadata``. Overwritten
versions were in a hidden bucket, as ``kept/BUCKET/NAME/GENERATION``; its file ``enabled/BUCKET`` marked a bucket with
versioning. Files are linked, or copied if the file system has no links, and the old folder is removed only when all of
it is in the index.
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
class OldObject:
    """An object or version in the old layout."""

    file: Path
    target: ObjectName
    generation: int
    metadata: dict[str, Any]
    deleted: int | None
    """Microseconds since 1970; None for a live object."""


def migrate(folder: Path, store: Store) -> int:
    """Insert all objects of an old folder into a store; call it before any other use of the store.

    A file without metadata belongs to an upload that was never finished or acknowledged; it is moved to
    ``<folder>.unfinished``. It is idempotent: after a kill, the next call completes the migration.

    Returns:
        The number of migrated objects and versions.
    """
    shutil.rmtree(folder.with_name(f"{folder.name}.tmp"), ignore_errors=True)
    if not folder.is_dir():
        return 0
    count = 0
    if store.db.execute("SELECT 1 FROM done WHERE what = ?", (DONE,)).fetchone() is None:
        objects = [old for file in sorted(folder.rglob("*")) if file.is_file() and (old := _read(file, folder))]
        count = _insert(objects, folder, store)
        log.warning("migrated %d objects from %s", count, folder)
    shutil.rmtree(folder)
    return count


def _insert(objects: list[OldObject], folder: Path, store: Store) -> int:
    db = store.db
    live = {old.target: old.generation for old in objects if old.deleted is None}
    db.execute("BEGIN IMMEDIATE")
    for bucket in sorted(path.name for path in folder.iterdir() if path.is_dir() and BUCKET.fullmatch(path.name)):
        if bucket != KEPT:
            settings = {"versioning": {"enabled": (folder / KEPT / "enabled" / bucket).is_file()}}
            db.execute(
                "INSERT OR IGNORE INTO buckets VALUES (?, ?)", (bucket, json.dumps(new_bucket(bucket, settings)))
            )
    count = 0
    for old in objects:
        if old.deleted is not None and live.get(old.target) == old.generation:
            continue  # the version was copied before an overwrite that did not take place
        stored = _stored(old, store)
        if index.version_of(db, stored.target, stored.generation) is None:
            index.insert(db, stored)
            count += 1
    db.execute("INSERT INTO done VALUES (?)", (DONE,))
    db.execute("COMMIT")
    return count


def _read(file: Path, folder: Path) -> OldObject | None:
    bucket, *parts = file.relative_to(folder).parts
    if not parts or (bucket == KEPT and parts[0] == "enabled"):
        return None
    metadata = _metadata_of(file)
    if metadata is None:
        _move_aside(file, folder)
        return None
    if bucket != KEPT:
        return OldObject(file, ObjectName(bucket, "/".join(parts)), int(metadata["Generation"]), metadata, None)
    _, bucket, *names, generation = parts
    return OldObject(file, ObjectName(bucket, "/".join(names)), int(generation), metadata, int(metadata["Generation"]))


def _stored(old: OldObject, store: Store) -> Stored:
    metadata = old.metadata
    facts: dict[str, Any] = {fact: metadata[old_name] for old_name, fact in FACTS.items() if metadata.get(old_name)}
    facts.setdefault("contentType", "application/octet-stream")
    if metadata.get("Metadata"):
        facts["metadata"] = metadata["Metadata"]
    incoming = store.files.begin()
    name = incoming.content.file
    try:
        os.link(old.file, store.files.path(name))
    except OSError:
        shutil.copyfile(old.file, store.files.path(name))
    content = Content(name, old.file.stat().st_size, metadata["Crc32c"], metadata["Md5Hash"])
    updated = _microseconds(metadata.get("Updated"), old.generation) if old.deleted is None else old.generation
    return Stored(old.target, old.generation, 1, content, facts, updated, old.deleted)


def _move_aside(file: Path, folder: Path) -> None:
    target = folder.with_name(f"{folder.name}.unfinished") / file.relative_to(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    file.replace(target)
    log.warning("moved %s to %s: it has no metadata, so its upload was never finished", file, target)


def _microseconds(text: str | None, default: int) -> int:
    try:
        return int(datetime.fromisoformat(text or "").timestamp() * 1e6)
    except ValueError:
        return default


def _metadata_of(file: Path) -> dict[str, Any] | None:
    try:
        metadata = json.loads(_attribute_of(file))
    except (OSError, ValueError):
        return None
    return metadata if isinstance(metadata, dict) else None


def _attribute_of(file: Path) -> bytes:
    """Read the extended attribute: with Python on Linux, with the system's C library on macOS."""
    if sys.platform == "linux":
        return os.getxattr(file, ATTRIBUTE)
    buffer = ctypes.create_string_buffer(LARGEST_ATTRIBUTE_BYTES)
    library = ctypes.CDLL(None, use_errno=True)
    length = library.getxattr(os.fsencode(file), ATTRIBUTE.encode(), buffer, LARGEST_ATTRIBUTE_BYTES, 0, 0)
    if length < 0:
        raise OSError(ctypes.get_errno(), "no such attribute")
    return buffer.raw[:length]
