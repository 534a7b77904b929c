"""The warehouse without HTTP: the file, its catalog, its writer, its jobs, and reads of rows."""

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
"""Threads for jobs, and the same number for short reads; DuckDB itself computes on two."""


class Store:
    """An open warehouse file and everything that works on it."""

    def __init__(self, folder: Path, project: str, when_broken: Callable[[], object] = lambda: None) -> None:
        """Open the file in a folder; create both if they are missing.

        Raises:
            StartError: the file cannot be opened.
        """
        self.engine = Engine(folder, project)
        self.catalog = Catalog(project)
        self.writer = Writer(self.engine.connection, when_broken)
        self.writer.submit(self.catalog.load).result()
        self.workers = ThreadPoolExecutor(WORKERS, "warehouse-job")
        # Separate from the jobs, so that a page is read while slow queries occupy all workers.
        self.readers = ThreadPoolExecutor(WORKERS, "warehouse-reader")
        self._inserts: dict[str, tuple[Table, RowInsert]] = {}
        self.jobs = Jobs(project, self.workers, self._drop_result)
        self.catalog.result_of = self.jobs.fields_of_result

    def count(self, table: Table) -> int:
        """Return the number of rows of a table."""
        with self.engine.reader() as cursor:
            row = cursor.execute(f"SELECT count(*) FROM {table.sql_name}").fetchone()
        return int(row[0]) if row else 0

    def page(self, source: str, fields: Sequence[Field], start: int, count: int) -> list[tuple[Any, ...]]:
        """Return a page of a table or of a result.

        Args:
            source: the table's name in DuckDB.
            fields: the columns to return.
            start: number of rows to skip.
            count: the most rows to return.
        """
        columns = ", ".join(quoted(column.name) for column in fields)
        with self.engine.reader() as cursor:
            return cursor.execute(f"SELECT {columns} FROM {source} LIMIT {count} OFFSET {start}").fetchall()

    def row_insert(self, table: Table) -> RowInsert:
        """Return the INSERT statements of a table; they are built once for each version of its schema."""
        known = self._inserts.get(table.full_name)
        if known is None or known[0] is not table:
            known = self._inserts[table.full_name] = (table, RowInsert.into(table.sql_name, table.fields))
        return known[1]

    def close(self) -> None:
        """Interrupt running jobs, complete the acknowledged changes, and close the file."""
        self.jobs.cancel_all()
        self.workers.shutdown(wait=True, cancel_futures=True)
        self.readers.shutdown(wait=True, cancel_futures=True)
        self.writer.close()
        self.engine.close()

    def _drop_result(self, result: str) -> None:
        with self.engine.reader() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {result}")
