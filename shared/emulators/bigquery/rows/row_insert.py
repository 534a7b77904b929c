"""How rows come into a table: a few of plain types as values, more of them as one JSON array."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.emulators.bigquery.rows.row_checks import insert_sql
from shared.emulators.bigquery.schema_fields import Field, quoted

FEW = 4
"""Rows that DuckDB takes faster as values; it plans a JSON array's types anew each time, however few rows are in it."""

PLAIN = ("STRING", "INTEGER", "FLOAT", "BOOLEAN", "DATE", "TIMESTAMP")
"""Types whose JSON form DuckDB casts by itself where it is a value."""


@dataclass(frozen=True, slots=True)
class RowInsert:
    """The INSERTs of one table in one state of its schema."""

    many: str
    """Its one parameter is a JSON array."""
    few: str | None
    """Up to VALUES; None where a type needs more than a cast."""
    columns: int

    @classmethod
    def into(cls, table: str, fields: Sequence[Field]) -> RowInsert:
        """Return the INSERTs into a table, by its name in DuckDB."""
        names = ", ".join(quoted(one.name) for one in fields)
        few = f"INSERT INTO {table} ({names}) VALUES " if all(map(_is_plain, fields)) else None  # noqa: S608  # quoted
        return cls(insert_sql(table, fields), few, len(fields))

    def statement(self, documents: Sequence[str]) -> tuple[str, list[Any]]:
        """Return the statement for rows from ``RowReader.read``, and its parameters."""
        if self.few is None or len(documents) > FEW:
            return self.many, ["[" + ",".join(documents) + "]"]
        row = f"({', '.join('?' * self.columns)})"
        values = [value for document in documents for value in json.loads(document).values()]
        return self.few + ", ".join([row] * len(documents)), values


def _is_plain(one: Field) -> bool:
    return all(map(_is_plain, one.fields)) if one.type == "RECORD" else one.type in PLAIN
