"""The index of buckets and objects in SQLite: its tables and queries.

Names are compared by their UTF-8 bytes, in SQLite as in Cloud Storage's listings.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any

from shared.emulators.storage.names import ObjectName, no_bucket
from shared.emulators.storage.stored import Content, Stored

SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, resource TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL,
    name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    metageneration INTEGER NOT NULL,
    file TEXT NOT NULL,
    size INTEGER NOT NULL,
    crc32c TEXT NOT NULL,
    md5 TEXT,
    facts TEXT NOT NULL,
    updated INTEGER NOT NULL,
    deleted INTEGER,
    components INTEGER,
    PRIMARY KEY (bucket, name, generation)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS live ON objects (bucket, name) WHERE deleted IS NULL;
CREATE INDEX IF NOT EXISTS files ON objects (file);
CREATE TABLE IF NOT EXISTS announcements (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, resource TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS done (what TEXT PRIMARY KEY);
"""
COLUMNS = "bucket, name, generation, metageneration, file, size, crc32c, md5, facts, updated, deleted, components"
PLACEHOLDERS = ", ".join("?" * len(COLUMNS.split(",")))


def connect(path: Path) -> sqlite3.Connection:
    """Open the index, created if it is missing. A commit is on disk when it returns."""
    db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(SCHEMA)
    return db


def bucket_of(db: sqlite3.Connection, name: str | None) -> dict[str, Any]:
    """Return a bucket's resource without its links; 404 if the bucket does not exist."""
    row = db.execute("SELECT resource FROM buckets WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise no_bucket(name or "")
    resource: dict[str, Any] = json.loads(row[0])
    return resource


def keeps_versions(bucket: dict[str, Any]) -> bool:
    """Return whether overwritten objects of a bucket can be read by their generation."""
    return bool(bucket.get("versioning", {}).get("enabled"))


def live_of(db: sqlite3.Connection, target: ObjectName) -> Stored | None:
    """Return the live generation of an object, if any."""
    select = f"SELECT {COLUMNS} FROM objects WHERE bucket = ? AND name = ? AND deleted IS NULL"  # noqa: S608
    row = db.execute(select, (target.bucket, target.name)).fetchone()
    return _stored(row) if row else None


def version_of(db: sqlite3.Connection, target: ObjectName, generation: int) -> Stored | None:
    """Return a generation of an object, live or not, if it exists."""
    select = f"SELECT {COLUMNS} FROM objects WHERE bucket = ? AND name = ? AND generation = ?"  # noqa: S608
    row = db.execute(select, (target.bucket, target.name, _in_range(generation))).fetchone()
    return _stored(row) if row else None


def objects_from(
    db: sqlite3.Connection, bucket: str, start: tuple[str, int], end: str, *, versions: bool
) -> Generator[Stored]:
    """Yield a bucket's objects in order, from a name and generation up to before ``end``; no limit if that is empty."""
    select = f"SELECT {COLUMNS} FROM objects WHERE bucket = ? AND (name, generation) >= (?, ?)"  # noqa: S608
    select += " AND name < ?" if end else ""
    select += "" if versions else " AND deleted IS NULL"
    values = (bucket, start[0], _in_range(start[1]), *([end] if end else []))
    yield from map(_stored, db.execute(f"{select} ORDER BY name, generation", values))


def insert(db: sqlite3.Connection, new: Stored) -> None:
    """Insert a generation."""
    content = new.content
    facts = json.dumps(new.facts, ensure_ascii=True)
    row = (*(new.target.bucket, new.target.name, new.generation, new.metageneration, content.file, content.size),)
    row += (content.crc32c, content.md5, facts, new.updated, new.deleted, new.components)  # type: ignore[assignment]
    db.execute(f"INSERT INTO objects ({COLUMNS}) VALUES ({PLACEHOLDERS})", row)  # noqa: S608


def remove(db: sqlite3.Connection, old: Stored) -> None:
    """Remove a generation from the index, not its file."""
    key = (old.target.bucket, old.target.name, old.generation)
    db.execute("DELETE FROM objects WHERE bucket = ? AND name = ? AND generation = ?", key)


def is_referenced(db: sqlite3.Connection, file: str) -> bool:
    """Return whether a generation refers to a file; copies share one."""
    return db.execute("SELECT 1 FROM objects WHERE file = ? LIMIT 1", (file,)).fetchone() is not None


def _stored(row: tuple[Any, ...]) -> Stored:
    bucket, name, generation, metageneration, file, size, crc32c, md5, facts, updated, deleted, components = row
    content = Content(file, size, crc32c, md5)
    return Stored(
        ObjectName(bucket, name), generation, metageneration, content, json.loads(facts), updated, deleted, components
    )


def _in_range(generation: int) -> int:
    """Limit a generation to SQLite's 64 bits; no stored one is larger."""
    return min(generation, 2**63 - 1)
