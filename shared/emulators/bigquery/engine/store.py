"""The warehouse itself, without HTTP: the file, its catalog, its writer, and what is read from it."""

# ruff: noqa: S608  (names are quoted, values are parameters)
from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from shared.emulators.bigquery.engine.catalog import Catalog, Table
from shared.emulators.bigquery.engine.engine import Engine
from shared.emulators.bigquery.engine.job_registry import Jobs
from shared.emulators.bigquery.engine.writer import Writer
from shared.emulators.bigquery.rows.row_insert import RowInsert
from shared.emulators.bigquery.schema_fields import Field, quoted

WORKERS = 8
"""Threads for queries and loads, and as many for short reads; DuckDB itself computes on two."""


class Store:
    """Everything that belongs to one open file."""

    def __init__(self, folder: Path, project: str, when_broken: Callable[[], object] = lambda: None) -> None:
        """Open the file in a folder, making both where they are missing.

        Raises:
            StartError: the file cannot be opened.
        """
        self.engine = Engine(folder, project)
        self.catalog = Catalog(project)
        self.writer = Writer(self.engine.connection, when_broken)
        self.writer.submit(self.catalog.load).result()
        self.workers = ThreadPoolExecutor(WORKERS, "warehouse-job")
        # Apart from the jobs, so that eight slow queries do not keep a page of a ninth waiting.
        self.readers = ThreadPoolExecutor(WORKERS, "warehouse-reader")
        self._inserts: dict[str, tuple[Table, RowInsert]] = {}
        self.jobs = Jobs(project, self.workers, self._drop_result)
        self.catalog.result_of = self.jobs.fields_of_result

    def count(self, table: Table) -> int:
        """Return how many rows a table has."""
        with self.engine.reader() as cursor:
            found = cursor.execute(f"SELECT count(*) FROM {table.sql_name}").fetchone()
        return int(found[0]) if found else 0

    def page(self, source: str, fields: Sequence[Field], start: int, count: int) -> list[tuple[Any, ...]]:
        """Return rows of a table, or of a result, from a place on.

        Args:
            source: the table's name in DuckDB.
            fields: the columns wanted, whole.
            start: how many rows to pass over.
            count: how many rows at most.
        """
        columns = ", ".join(quoted(one.name) for one in fields)
        with self.engine.reader() as cursor:
            return cursor.execute(f"SELECT {columns} FROM {source} LIMIT {count} OFFSET {start}").fetchall()

    def row_insert(self, table: Table) -> RowInsert:
        """Return how a table takes rows; it is made once for each state of a schema."""
        known = self._inserts.get(table.full_name)
        if known is None or known[0] is not table:
            known = self._inserts[table.full_name] = (table, RowInsert.into(table.sql_name, table.fields))
        return known[1]

    def close(self) -> None:
        """Interrupt what runs, keep what was acknowledged, and let go of the file."""
        self.jobs.cancel_all()
        self.workers.shutdown(wait=True, cancel_futures=True)
        self.readers.shutdown(wait=True, cancel_futures=True)
        self.writer.close()
        self.engine.close()

    def _drop_result(self, result: str) -> None:
        with self.engine.reader() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {result}")
