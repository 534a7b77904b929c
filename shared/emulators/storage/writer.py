"""The only thread that changes the index; it commits waiting changes together, on disk before they are answered."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
Change = Callable[["Transaction"], Any]
MOST_TOGETHER = 200


@dataclass(slots=True)
class Transaction:
    """The transaction of a change."""

    db: sqlite3.Connection
    released: list[str] = field(default_factory=list)
    """Files that a change no longer refers to."""


class Writer:
    """Runs changes one after the other, each completely or not at all.

    Args:
        connect: opens the database, in the thread that uses it.
        on_committed: receives the released files after a commit, in that thread.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        on_committed: Callable[[sqlite3.Connection, list[str]], None],
    ) -> None:
        self._connect = connect
        self._on_committed = on_committed
        self._waiting: queue.SimpleQueue[tuple[Change, asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="index", daemon=True)
        self._thread.start()

    async def write(self, change: Callable[[Transaction], T]) -> T:
        """Run a change and return its result when it is on disk; its exceptions are raised to the caller.

        It is completed even if the caller is cancelled.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.put((change, done))
        return await asyncio.shield(done)

    def close(self) -> None:
        """Complete the queued changes and stop."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        db = self._connect()
        is_open = True
        while is_open:
            batch = [self._waiting.get()]
            while len(batch) < MOST_TOGETHER and batch[-1] is not None and not self._waiting.empty():
                batch.append(self._waiting.get())
            is_open = batch[-1] is not None
            self._commit(db, [item for item in batch if item is not None])
        db.close()

    def _commit(self, db: sqlite3.Connection, batch: list[tuple[Change, asyncio.Future[Any]]]) -> None:
        transaction = Transaction(db)
        results: list[tuple[asyncio.Future[Any], Any, BaseException | None]] = []
        try:
            db.execute("BEGIN IMMEDIATE")
            for change, done in batch:
                db.execute("SAVEPOINT change")
                try:
                    results.append((done, change(transaction), None))
                except sqlite3.Error:
                    raise
                except Exception as error:
                    db.execute("ROLLBACK TO change")
                    results.append((done, None, error))
                db.execute("RELEASE change")
            db.execute("COMMIT")
        except sqlite3.Error as error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            transaction.released.clear()
            results = [(done, None, error) for _, done in batch]
        if transaction.released:
            self._on_committed(db, transaction.released)
        for done, result, failure in results:
            done.get_loop().call_soon_threadsafe(_settle, done, result, failure)


def _settle(done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if done.cancelled():
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
