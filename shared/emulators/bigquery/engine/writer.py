"""The one thread that writes: it runs changes one after the other, and commits rows that wait together at once.

A commit waits for the disk, so that what was acknowledged is there after a crash. Rows of many callers share one.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import duckdb

from shared.emulators.bigquery.errors import ApiError, from_duckdb
from shared.emulators.bigquery.rows.row_insert import RowInsert

T = TypeVar("T")
_LOG = logging.getLogger(__name__)

MAX_ROWS_A_COMMIT = 5000
GATHER_S = 0.008
"""The longest that rows wait for those of others."""
REMEMBER_S = 60.0
"""How long an insertId is remembered; BigQuery says: at least one minute, best effort."""


class Transaction:
    """What a change works with: the connection, and what to do in memory once the change is kept."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self.cursor = cursor
        self._afterwards: list[Callable[[], Any]] = []

    def execute(self, sql: str, values: Sequence[Any] | None = None) -> duckdb.DuckDBPyConnection:
        """Run one statement of DuckDB's."""
        return self.cursor.execute(sql, values) if values is not None else self.cursor.execute(sql)

    def then(self, action: Callable[[], Any]) -> None:
        """Do something after the commit, before the caller hears of it."""
        self._afterwards.append(action)

    def finish(self) -> None:
        """Do what was left for after the commit."""
        for action in self._afterwards:
            action()


@dataclass(slots=True)
class Rows:
    """Rows of one insertAll, checked and in DuckDB's JSON."""

    table: str
    """The table's name in DuckDB, quoted."""
    insert: RowInsert
    """How the table takes them."""
    rows: list[tuple[str | None, str]]
    """insertId and JSON object, each."""
    still_valid: Callable[[], None]
    """Raises a ApiError where the table has gone since the rows were checked."""
    done: Future[None] = field(default_factory=Future)


@dataclass(slots=True)
class _Work(Generic[T]):
    run: Callable[[Transaction], T]
    done: Future[T] = field(default_factory=Future)


class Writer:
    """Runs changes of the warehouse's file in a thread of its own. Its methods may be called from any thread."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, when_broken: Callable[[], object] = lambda: None) -> None:
        self._cursor = connection.cursor()
        self._when_broken = when_broken
        self._queue: queue.SimpleQueue[_Work[Any] | Rows | None] = queue.SimpleQueue()
        self._remembered: dict[tuple[str, str], float] = {}
        self._callers = 1
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="warehouse-writer", daemon=True)
        self._thread.start()

    def submit(self, run: Callable[[Transaction], T]) -> Future[T]:
        """Run a change in a transaction of its own; the future fails with a ``ApiError``."""
        work = _Work(run)
        self._put(work)
        return work.done

    def append(self, rows: Rows) -> Future[None]:
        """Insert rows; the future is done once they are on disk. Rows whose insertId is remembered are left out."""
        self._put(rows)
        return rows.done

    def close(self) -> None:
        """Finish what waits, and stop."""
        if not self._is_closed:
            self._is_closed = True
            self._queue.put(None)
            self._thread.join()
            self._cursor.close()

    def _put(self, item: _Work[Any] | Rows) -> None:
        if self._is_closed:
            raise ApiError("backendError", "The warehouse is stopping")
        self._queue.put(item)

    def _run(self) -> None:
        waiting: _Work[Any] | Rows | None = self._queue.get()
        while waiting is not None:
            if isinstance(waiting, _Work):
                self._change(waiting)
                waiting = self._queue.get()
            else:
                batches, waiting = self._gather(waiting)
                self._insert(batches)
                if waiting is _NOTHING_YET:
                    waiting = self._queue.get()

    def _gather(self, first: Rows) -> tuple[list[Rows], Any]:
        """Take what waits behind the first rows, up to a change; returns it too.

        A commit costs the same for one row and for fifty. So where the last one served several callers, who now come
        back one after the other, this one waits a moment for as many; a caller who is alone is not kept waiting.
        """
        batches, count = [first], len(first.rows)
        until = time.monotonic() + GATHER_S
        following: Any = _NOTHING_YET
        while count < MAX_ROWS_A_COMMIT:
            patience = until - time.monotonic() if len(batches) < self._callers else 0.0
            try:
                following = self._queue.get(timeout=patience) if patience > 0 else self._queue.get_nowait()
            except queue.Empty:
                following = _NOTHING_YET
                break
            if not isinstance(following, Rows):
                break
            batches.append(following)
            count += len(following.rows)
            following = _NOTHING_YET
        self._callers = len(batches)
        return batches, following

    def _change(self, work: _Work[Any]) -> None:
        if not work.done.set_running_or_notify_cancel():
            return
        try:
            work.done.set_result(self._commit(work.run))
        except BaseException as error:
            work.done.set_exception(self._refused(error))

    def _insert(self, batches: list[Rows]) -> None:
        """Insert batches in one transaction; where that fails, each in one of its own, so that one harms no other."""
        live = [batch for batch in batches if batch.done.set_running_or_notify_cancel()]
        try:
            self._commit(lambda transaction: self._insert_into(transaction, live))
        except BaseException as error:
            if len(live) > 1:
                for batch in live:
                    batch.done, promise = Future(), batch.done
                    self._insert([batch])
                    _copy_outcome(batch.done, promise)
            elif live:
                live[0].done.set_exception(self._refused(error))
            return
        for batch in live:
            batch.done.set_result(None)

    def _insert_into(self, transaction: Transaction, batches: list[Rows]) -> None:
        now = time.monotonic()
        fresh: dict[tuple[str, str], float] = {}
        by_insert: dict[RowInsert, list[str]] = {}
        for batch in batches:
            batch.still_valid()
            into = by_insert.setdefault(batch.insert, [])
            for insert_id, document in batch.rows:
                key = (batch.table, insert_id or "")
                if insert_id and (key in fresh or self._remembered.get(key, 0.0) > now):
                    continue
                if insert_id:
                    fresh[key] = now + REMEMBER_S
                into.append(document)
        for insert, documents in by_insert.items():
            if documents:
                transaction.execute(*insert.statement(documents))
        transaction.then(lambda: self._remember(fresh, now))

    def _remember(self, fresh: dict[tuple[str, str], float], now: float) -> None:
        # They were remembered in the order of their ends; a look at the first spares one at all of them.
        while self._remembered and next(iter(self._remembered.values())) <= now:
            del self._remembered[next(iter(self._remembered))]
        self._remembered |= fresh

    def _commit(self, run: Callable[[Transaction], T]) -> T:
        transaction = Transaction(self._cursor)
        self._cursor.execute("BEGIN TRANSACTION")
        try:
            result = run(transaction)
            self._cursor.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        transaction.finish()
        return result

    def _roll_back(self) -> None:
        try:
            self._cursor.execute("ROLLBACK")
        except duckdb.Error:
            # A commit that failed has ended the transaction already.
            _LOG.debug("nothing to roll back")

    def _refused(self, error: BaseException) -> BaseException:
        if isinstance(error, duckdb.FatalException):
            _LOG.critical("the warehouse's file cannot be written any more: %s", error)
            self._when_broken()
        return from_duckdb(error) if isinstance(error, duckdb.Error) else error


_NOTHING_YET: Any = object()


def _copy_outcome(source: Future[None], target: Future[None]) -> None:
    error = source.exception()
    if error is not None:
        target.set_exception(error)
    else:
        target.set_result(None)
