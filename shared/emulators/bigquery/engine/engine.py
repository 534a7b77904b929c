"""Open the DuckDB file: once, by one process, without access from SQL to other files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from shared.emulators.bigquery.engine.macros import define_macros
from shared.emulators.bigquery.schema_fields import quoted
from shared.emulators.errors import StartError

FILE = "warehouse.duckdb"
_SCRATCH = "scratch"


class Engine:
    """A DuckDB connection to which the warehouse's file is attached under the project's name."""

    def __init__(self, folder: Path, project: str, memory: str = "1GB") -> None:
        """Open the file in a folder; create both if they are missing.

        Raises:
            StartError: the folder cannot be written, or the file is in use, damaged or of a newer DuckDB.
        """
        self.path = folder / FILE
        self.project = project
        scratch = folder / _SCRATCH
        try:
            scratch.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartError("the warehouse", [f"{folder} cannot be written ({error.strerror})"]) from error
        # The catalog in memory holds results of queries; those that do not fit go to the scratch folder.
        self.connection = duckdb.connect(
            config={
                "memory_limit": memory,
                "threads": 2,
                "temp_directory": str(scratch),
                "preserve_insertion_order": True,
            }
        )
        try:
            self.connection.execute(f"ATTACH {_text(self.path)} AS {quoted(project)}")
        except duckdb.Error as error:
            self.connection.close()
            raise StartError("the warehouse", [_reason(self.path, project, str(error))]) from error
        define_macros(self.connection)
        self._lock_down()

    @contextmanager
    def reader(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection that sees all committed changes."""
        cursor = self.connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def close(self) -> None:
        """Write the log's changes to the file and close it."""
        self.connection.close()

    def _lock_down(self) -> None:
        for setting in (
            "SET GLOBAL TimeZone = 'UTC'",
            "SET autoinstall_known_extensions = false",
            "SET autoload_known_extensions = false",
            # After these settings, statements cannot read or write files, sockets or extensions.
            "SET enable_external_access = false",
            "SET lock_configuration = true",
        ):
            self.connection.execute(setting)


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _reason(path: Path, project: str, message: str) -> str:
    if "lock" in message:
        holder = re.search(r"PID (\d+)", message)
        by = f" by process {holder.group(1)}" if holder else " by another process"
        return f"{path} is in use{by}; stop that process, or choose another --data folder"
    if "Binder" in message or "already exists" in message or "reserved" in message:
        return f"{project!r} cannot be the project's name ({message.splitlines()[0]}); choose another --project"
    first = message.splitlines()[0]
    return f"{path} cannot be opened ({first}); if it is damaged, move it away to start with an empty one"
