"""The store without HTTP: buckets, objects, their versions, and the announcements of uploads."""

from __future__ import annotations

import fcntl
import json
import sqlite3
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

from shared.emulators.errors import StartError
from shared.emulators.storage import index
from shared.emulators.storage.files import Files
from shared.emulators.storage.names import ObjectName, check_writable, no_such
from shared.emulators.storage.preconditions import Live, Preconditions
from shared.emulators.storage.stored import Content, Facts, Stored
from shared.emulators.storage.writer import Transaction, Writer


class Store:
    """A folder of objects, for one process.

    Args:
        folder: the folder; created if it is missing.
        announced: the bucket whose uploads are announced; None for none.

    Raises:
        StartError: another process has the folder open, or its index is missing while it has objects.
    """

    def __init__(self, folder: Path, announced: str | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder)
        path = folder / "index.sqlite"
        self.files = Files(folder / "files")
        if not path.exists() and not self.files.is_empty:
            fault = f"{path} is missing, which has the names of the objects in {folder / 'files'}; restore it"
            raise StartError("The object store cannot start", [fault])
        try:
            self.db = index.connect(path)
            self.files.remove_all_but(file for (file,) in self.db.execute("SELECT DISTINCT file FROM objects"))
            newest = self.db.execute("SELECT MAX(MAX(generation), MAX(COALESCE(deleted, 0))) FROM objects").fetchone()
        except sqlite3.Error as error:
            raise StartError("The object store cannot start", [f"{path} cannot be used: {error}"]) from error
        self.announced = announced
        self.on_announced: Callable[[], None] = lambda: None
        self._last = int(newest[0] or 0)
        self._writer = Writer(lambda: index.connect(path), self._remove_files)
        self.write = self._writer.write

    def close(self) -> None:
        """Complete the queued changes and close the store."""
        self._writer.close()
        self.db.close()
        self._lock.close()

    def find(self, target: ObjectName, preconditions: Preconditions, *, reading: bool = False) -> Stored:
        """Return the generation that a request refers to: the live one, or the old one that it names.

        Raises:
            ApiError: 404: it does not exist; 412 or 304: a precondition does not hold.
        """
        return _find(self.db, target, preconditions, reading=reading)

    async def put(
        self,
        target: ObjectName,
        preconditions: Preconditions,
        facts: Facts,
        content: Content,
        components: int | None = None,
    ) -> Stored:
        """Store an object whose bytes are on disk if its preconditions hold; else remove the bytes.

        Raises:
            ApiError: 404: the bucket does not exist; 412: a precondition does not hold; 400: the name is not accepted.
        """

        def change(transaction: Transaction) -> Stored:
            try:
                return self._put(transaction, target, preconditions, facts, content, components)
            except BaseException:
                transaction.released.append(content.file)
                raise

        return await self._announcing(target.bucket, change)

    async def copy(
        self,
        source: ObjectName,
        source_preconditions: Preconditions,
        target: ObjectName,
        preconditions: Preconditions,
        facts: Facts,
    ) -> Stored:
        """Copy an object if the preconditions of both objects hold; ``facts``, if any, replace the source's."""

        def change(transaction: Transaction) -> Stored:
            original = _find(transaction.db, source, source_preconditions)
            own = facts or {name: value for name, value in original.facts.items() if name != "storageClass"}
            return self._put(transaction, target, preconditions, own, original.content, original.components)

        return await self._announcing(target.bucket, change)

    async def delete(self, target: ObjectName, preconditions: Preconditions) -> None:
        """Delete an object; a bucket with versioning keeps its version unless ``preconditions`` names it."""

        def change(transaction: Transaction) -> None:
            stored = _find(transaction.db, target, preconditions)
            self._retire(transaction, stored, permanently=preconditions.generation is not None)

        await self.write(change)

    async def change(self, target: ObjectName, preconditions: Preconditions, edit: Callable[[Facts], Facts]) -> Stored:
        """Change an object's facts, not its generation; ``edit`` returns the new facts."""

        def change(transaction: Transaction) -> Stored:
            old = _find(transaction.db, target, preconditions)
            new = replace(old, facts=edit(old.facts), metageneration=old.metageneration + 1)
            new = replace(new, updated=self._now())
            index.remove(transaction.db, old)
            index.insert(transaction.db, new)
            return new

        return await self.write(change)

    def _put(
        self,
        transaction: Transaction,
        target: ObjectName,
        preconditions: Preconditions,
        facts: Facts,
        content: Content,
        components: int | None,
    ) -> Stored:
        check_writable(target)
        index.bucket_of(transaction.db, target.bucket)
        live = index.live_of(transaction.db, target)
        preconditions.check_target(Live(live.generation, live.metageneration) if live else None)
        now = self._now()
        if live:
            self._retire(transaction, live, now=now)
        new = Stored(target, now, 1, content, facts, now, components=components)
        index.insert(transaction.db, new)
        if target.bucket == self.announced:
            announcement = (uuid.uuid4().hex, json.dumps(new.resource("")))
            transaction.db.execute("INSERT INTO announcements (id, resource) VALUES (?, ?)", announcement)
        return new

    def _retire(
        self, transaction: Transaction, old: Stored, *, permanently: bool = False, now: int | None = None
    ) -> None:
        index.remove(transaction.db, old)
        bucket = index.bucket_of(transaction.db, old.target.bucket)
        if index.keeps_versions(bucket) and not permanently:
            index.insert(transaction.db, replace(old, deleted=now or self._now()))
        else:
            transaction.released.append(old.content.file)

    async def _announcing(self, bucket: str, change: Callable[[Transaction], Stored]) -> Stored:
        stored = await self.write(change)
        if bucket == self.announced:
            self.on_announced()
        return stored

    def _now(self) -> int:
        """Return the time of a change in microseconds since 1970, unique in the store."""
        self._last = max(time.time_ns() // 1000, self._last + 1)
        return self._last

    def _remove_files(self, db: sqlite3.Connection, files: list[str]) -> None:
        for file in files:
            if not index.is_referenced(db, file):
                self.files.remove(file)


def _find(db: sqlite3.Connection, target: ObjectName, preconditions: Preconditions, *, reading: bool = False) -> Stored:
    stored = index.live_of(db, target)
    live = Live(stored.generation, stored.metageneration) if stored else None
    if preconditions.generation is not None and preconditions.is_of_another(live):
        old = index.version_of(db, target, preconditions.generation)
        if old is None:
            raise _missing(db, target)
        preconditions.check_old(live, reading=reading)
        return old
    if stored is None:
        raise _missing(db, target)
    preconditions.check_existing(target, live, reading=reading)
    return stored


def _missing(db: sqlite3.Connection, target: ObjectName) -> Exception:
    index.bucket_of(db, target.bucket)
    return no_such(target)


def _locked(folder: Path) -> IO[str]:
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        fault = f"another process has {folder} open; end it first"
        raise StartError("The object store cannot start", [fault]) from error
    return lock
