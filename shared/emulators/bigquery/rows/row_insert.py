"""INSERT statements of a table: a few rows of plain types as values, more rows as one JSON array."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.emulators.bigquery.rows.row_checks import insert_sql
from shared.emulators.bigquery.schema_fields import Field, quoted

FEW = 4
"""The most rows that DuckDB inserts faster as values: it plans a JSON array's types again each time."""

PLAIN = ("STRING", "INTEGER", "FLOAT", "BOOLEAN", "DATE", "TIMESTAMP")
"""Types whose JSON value DuckDB casts itself."""


@dataclass(frozen=True, slots=True)
class RowInsert:
    """The INSERT statements of a table for one version of its schema."""

    many: str
    """A statement whose only parameter is a JSON array."""
    few: str | None
    """The statement up to VALUES; None if a type needs more than a cast."""
    columns: int

    @classmethod
    def into(cls, table: str, fields: Sequence[Field]) -> RowInsert:
        """Return the statements for a table, by its name in DuckDB."""
        names = ", ".join(quoted(column.name) for column in fields)
        few = f"INSERT INTO {table} ({names}) VALUES " if all(map(_is_plain, fields)) else None  # noqa: S608  # quoted
        return cls(insert_sql(table, fields), few, len(fields))

    def statement(self, documents: Sequence[str]) -> tuple[str, list[Any]]:
        """Return a statement and its parameters for rows from ``RowReader.read``."""
        if self.few is None or len(documents) > FEW:
            return self.many, ["[" + ",".join(documents) + "]"]
        row = f"({', '.join('?' * self.columns)})"
        values = [value for document in documents for value in json.loads(document).values()]
        return self.few + ", ".join([row] * len(documents)), values


def _is_plain(column: Field) -> bool:
    return all(map(_is_plain, column.fields)) if column.type == "RECORD" else column.type in PLAIN
