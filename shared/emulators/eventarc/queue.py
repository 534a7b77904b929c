"""A queue of events on disk, in which an added event survives a killed process."""

from __future__ import annotations

import heapq
import json
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.emulators.errors import EmulatorError
from shared.emulators.eventarc.cloudevents import CloudEvent

SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    added_at REAL NOT NULL,
    due_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0
)
"""


class QueueUnusable(EmulatorError):
    """The queue's file cannot be used, most likely since another relay has it open."""


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """A delivery of an event; a duplicate is a second entry with the same event."""

    number: int
    event: CloudEvent
    added_at: float
    """Seconds since 1970, as all times of the queue."""
    attempts: int
    """Number of failed attempts."""


class DeliveryQueue:
    """A file of queued events, with their due times in memory; for one process and one thread.

    Args:
        path: path of the SQLite file; created if it is missing.

    Raises:
        QueueUnusable: another relay has the file open, or it is not a queue.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            # A commit reaches the operating system: it survives kill -9, not a power failure.
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute(SCHEMA)
        except sqlite3.Error as error:
            self._db.close()
            raise QueueUnusable(
                f"The relay's queue {path} cannot be used ({error}); is another relay running?"
            ) from error
        self._waiting = self._db.execute("SELECT due_at, number FROM deliveries").fetchall()
        heapq.heapify(self._waiting)
        self.pending = len(self._waiting)
        """Number of undelivered events, including those in flight."""

    def add(self, events: Iterable[tuple[CloudEvent, float]]) -> None:
        """Add events, each with its due time, and commit them, all or none."""
        now = time.time()
        added = []
        self._db.execute("BEGIN")
        try:
            for event, due_at in events:
                row = (event.id, json.dumps(event.headers), event.body, now, due_at)
                insert = "INSERT INTO deliveries (event_id, headers, body, added_at, due_at) VALUES (?, ?, ?, ?, ?)"
                added.append((due_at, self._db.execute(insert, row).lastrowid))
            self._db.execute("COMMIT")
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        for item in added:
            heapq.heappush(self._waiting, item)
        self.pending += len(added)

    def next_due_at(self) -> float | None:
        """Return the earliest due time, or None if no event waits."""
        return self._waiting[0][0] if self._waiting else None

    def take(self) -> QueuedEvent:
        """Take the event that is due first; it stays in the file until it is ``done``."""
        _, number = heapq.heappop(self._waiting)
        select = "SELECT event_id, headers, body, added_at, attempts FROM deliveries WHERE number = ?"
        event_id, headers, body, added_at, attempts = self._db.execute(select, (number,)).fetchone()
        return QueuedEvent(number, CloudEvent(event_id, json.loads(headers), body), added_at, attempts)

    def take_copies(self) -> list[QueuedEvent]:
        """Take the event that is due first, with its copies that are due at the same instant."""
        due_at = self._waiting[0][0]
        copies = [self.take()]
        while self._is_next(copies[0].event.id, due_at):
            copies.append(self.take())
        return copies

    def done(self, queued: QueuedEvent) -> None:
        """Remove an event that was delivered or dropped."""
        self._db.execute("DELETE FROM deliveries WHERE number = ?", (queued.number,))
        self.pending -= 1

    def postpone(self, queued: QueuedEvent, due_at: float) -> None:
        """Count a failed attempt and set the event's next due time."""
        update = "UPDATE deliveries SET attempts = attempts + 1, due_at = ? WHERE number = ?"
        self._db.execute(update, (due_at, queued.number))
        heapq.heappush(self._waiting, (due_at, queued.number))

    def oldest_added_at(self) -> float | None:
        """Return when the oldest pending event was added, or None if there is none."""
        added_at: float | None = self._db.execute("SELECT MIN(added_at) FROM deliveries").fetchone()[0]
        return added_at

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _is_next(self, event_id: str, due_at: float) -> bool:
        if not self._waiting or self._waiting[0][0] != due_at:
            return False
        select = "SELECT event_id FROM deliveries WHERE number = ?"
        return bool(self._db.execute(select, (self._waiting[0][1],)).fetchone()[0] == event_id)
