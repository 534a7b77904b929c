"""Buckets and objects, their versions, and the announcements of what was uploaded: everything but HTTP."""

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
    """One folder of objects, for one process.

    Args:
        folder: made if it is missing.
        announced: the one bucket whose uploads are announced; None for none.

    Raises:
        StartError: another process has the folder, or its index is gone and its objects are not.
    """

    def __init__(self, folder: Path, announced: str | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder)
        path = folder / "index.sqlite"
        self.files = Files(folder / "files")
        if not path.exists() and not self.files.is_empty:
            fault = f"{path} is gone, and with it the names of the objects in {folder / 'files'}; put it back"
            raise StartError("The object store cannot start", [fault])
        try:
            self.db = index.connected(path)
            self.files.remove_all_but(file for (file,) in self.db.execute("SELECT DISTINCT file FROM objects"))
            newest = self.db.execute("SELECT MAX(MAX(generation), MAX(COALESCE(deleted, 0))) FROM objects").fetchone()
        except sqlite3.Error as error:
            raise StartError("The object store cannot start", [f"{path} cannot be used: {error}"]) from error
        self.announced = announced
        self.on_announced: Callable[[], None] = lambda: None
        self._last = int(newest[0] or 0)
        self._writer = Writer(lambda: index.connected(path), self._remove_files)
        self.write = self._writer.write

    def close(self) -> None:
        """End, after what is being written."""
        self._writer.close()
        self.db.close()
        self._lock.close()

    def found(self, target: ObjectName, demands: Preconditions, *, reading: bool = False) -> Stored:
        """Return the generation that a request means: the live one, or an old one that it names.

        Raises:
            ApiError: 404, there is none; 412 or 304, the live one is not in the state demanded.
        """
        return _found(self.db, target, demands, reading=reading)

    async def put(
        self,
        target: ObjectName,
        demands: Preconditions,
        facts: Facts,
        content: Content,
        components: int | None = None,
    ) -> Stored:
        """Make bytes that are on disk an object, if the state allows; else they are removed.

        Raises:
            ApiError: 404, there is no such bucket; 412, the object is not in the state demanded; 400, its name.
        """

        def change(transaction: Transaction) -> Stored:
            try:
                return self._put(transaction, target, demands, facts, content, components)
            except BaseException:
                transaction.let_go.append(content.file)
                raise

        return await self._announcing(target.bucket, change)

    async def copy(
        self, source: ObjectName, of_source: Preconditions, target: ObjectName, demands: Preconditions, facts: Facts
    ) -> Stored:
        """Make an object of another one's bytes, if both are in the state demanded; it has its own facts, if any."""

        def change(transaction: Transaction) -> Stored:
            found = _found(transaction.db, source, of_source)
            said = facts or {name: value for name, value in found.facts.items() if name != "storageClass"}
            return self._put(transaction, target, demands, said, found.content, found.components)

        return await self._announcing(target.bucket, change)

    async def delete(self, target: ObjectName, demands: Preconditions) -> None:
        """Delete an object. Its version stays where the bucket keeps versions, unless ``demands`` names it."""

        def change(transaction: Transaction) -> None:
            found = _found(transaction.db, target, demands)
            self._retire(transaction, found, for_good=demands.generation is not None)

        await self.write(change)

    async def change(self, target: ObjectName, demands: Preconditions, wanted: Callable[[Facts], Facts]) -> Stored:
        """Change what is said of an object, and nothing of its generation."""

        def change(transaction: Transaction) -> Stored:
            found = _found(transaction.db, target, demands)
            news = replace(found, facts=wanted(found.facts), metageneration=found.metageneration + 1)
            news = replace(news, updated=self._now())
            index.remove(transaction.db, found)
            index.insert(transaction.db, news)
            return news

        return await self.write(change)

    def _put(
        self,
        transaction: Transaction,
        target: ObjectName,
        demands: Preconditions,
        facts: Facts,
        content: Content,
        components: int | None,
    ) -> Stored:
        check_writable(target)
        index.bucket_of(transaction.db, target.bucket)
        live = index.live_of(transaction.db, target)
        demands.check_target(Live(live.generation, live.metageneration) if live else None)
        now = self._now()
        if live:
            self._retire(transaction, live, now=now)
        new = Stored(target, now, 1, content, facts, now, components=components)
        index.insert(transaction.db, new)
        if target.bucket == self.announced:
            announcement = (uuid.uuid4().hex, json.dumps(new.resource("")))
            transaction.db.execute("INSERT INTO announcements (id, resource) VALUES (?, ?)", announcement)
        return new

    def _retire(self, transaction: Transaction, old: Stored, *, for_good: bool = False, now: int | None = None) -> None:
        index.remove(transaction.db, old)
        bucket = index.bucket_of(transaction.db, old.target.bucket)
        if index.keeps_versions(bucket) and not for_good:
            index.insert(transaction.db, replace(old, deleted=now or self._now()))
        else:
            transaction.let_go.append(old.content.file)

    async def _announcing(self, bucket: str, change: Callable[[Transaction], Stored]) -> Stored:
        stored = await self.write(change)
        if bucket == self.announced:
            self.on_announced()
        return stored

    def _now(self) -> int:
        """Return the microsecond of a change; no two are the same."""
        self._last = max(time.time_ns() // 1000, self._last + 1)
        return self._last

    def _remove_files(self, db: sqlite3.Connection, files: list[str]) -> None:
        for file in files:
            if not index.is_referred_to(db, file):
                self.files.remove(file)


def _found(db: sqlite3.Connection, target: ObjectName, demands: Preconditions, *, reading: bool = False) -> Stored:
    stored = index.live_of(db, target)
    live = Live(stored.generation, stored.metageneration) if stored else None
    if demands.generation is not None and demands.is_of_another(live):
        old = index.version_of(db, target, demands.generation)
        if old is None:
            raise _missing(db, target)
        demands.check_old(live, reading=reading)
        return old
    if stored is None:
        raise _missing(db, target)
    demands.check_existing(target, live, reading=reading)
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
        fault = f"another process has {folder}; end it first"
        raise StartError("The object store cannot start", [fault]) from error
    return lock
