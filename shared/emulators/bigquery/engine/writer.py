"""The only thread that writes: it runs changes one after the other and commits waiting rows together.

A commit waits for the disk, so that acknowledged rows survive a crash. Rows of many callers share a commit.
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
"""The longest time that rows wait for rows of other callers."""
REMEMBER_S = 60.0
"""How long an insertId is remembered; BigQuery promises at least one minute, best effort."""


class Transaction:
    """A transaction of the writer: its connection, and the actions in memory that follow the commit."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self.cursor = cursor
        self._afterwards: list[Callable[[], Any]] = []

    def execute(self, sql: str, values: Sequence[Any] | None = None) -> duckdb.DuckDBPyConnection:
        """Run one statement in DuckDB's SQL."""
        return self.cursor.execute(sql, values) if values is not None else self.cursor.execute(sql)

    def then(self, action: Callable[[], Any]) -> None:
        """Run an action after the commit, before the caller gets the result."""
        self._afterwards.append(action)

    def finish(self) -> None:
        """Run the actions that follow the commit."""
        for action in self._afterwards:
            action()


@dataclass(slots=True)
class Rows:
    """The checked rows of one insertAll, as JSON for DuckDB."""

    table: str
    """The table's name in DuckDB, quoted."""
    insert: RowInsert
    """The table's INSERT statements."""
    rows: list[tuple[str | None, str]]
    """For each row its insertId and its JSON object."""
    still_valid: Callable[[], None]
    """Raises ApiError if the table was changed or dropped since the rows were checked."""
    done: Future[None] = field(default_factory=Future)


@dataclass(slots=True)
class _Work(Generic[T]):
    run: Callable[[Transaction], T]
    done: Future[T] = field(default_factory=Future)


class Writer:
    """Runs the changes of the warehouse's file in its own thread. Any thread may call its methods."""

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
        """Run a change in its own transaction; the future fails with an ``ApiError``."""
        work = _Work(run)
        self._put(work)
        return work.done

    def append(self, rows: Rows) -> Future[None]:
        """Insert rows except those whose insertId is remembered; the future is done when they are on disk."""
        self._put(rows)
        return rows.done

    def close(self) -> None:
        """Complete the queued changes and stop."""
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
        """Collect the queued rows after the first ones, up to a change, which is returned too.

        A commit costs the same for one row and for fifty. If the last commit served several callers, which now return
        one after the other, this one waits a moment for as many; a single caller does not wait.
        """
        batches, count = [first], len(first.rows)
        until = time.monotonic() + GATHER_S
        following: Any = _NOTHING_YET
        while count < MAX_ROWS_A_COMMIT:
            timeout_s = until - time.monotonic() if len(batches) < self._callers else 0.0
            try:
                following = self._queue.get(timeout=timeout_s) if timeout_s > 0 else self._queue.get_nowait()
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
            work.done.set_exception(self._failure(error))

    def _insert(self, batches: list[Rows]) -> None:
        """Insert batches in one transaction; if it fails, each in its own, so that one cannot make others fail."""
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
                live[0].done.set_exception(self._failure(error))
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
        # The entries are in the order in which they expire, so only the first ones need a check.
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
            # A failed commit has already ended the transaction.
            _LOG.debug("nothing to roll back")

    def _failure(self, error: BaseException) -> BaseException:
        if isinstance(error, duckdb.FatalException):
            _LOG.critical("the warehouse's file can no longer be written: %s", error)
            self._when_broken()
        return from_duckdb(error) if isinstance(error, duckdb.Error) else error


_NOTHING_YET: Any = object()


def _copy_outcome(source: Future[None], target: Future[None]) -> None:
    error = source.exception()
    if error is not None:
        target.set_exception(error)
    else:
        target.set_result(None)
