"""Rows as a warehouse keeps them: checked by the schemas of infra/bigquery/tables, and read as typed values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from shared.errors import WarehouseUnavailable

TABLES = Path(__file__).resolve().parents[2] / "infra" / "bigquery" / "tables"
Row = dict[str, Any]
Field = dict[str, Any]


@cache
def schema_of(table: str) -> tuple[Field, ...]:
    """Return the fields of a table, as its file has them."""
    return tuple(json.loads((TABLES / f"{table}.json").read_text("utf-8")))


def stored(row: Row, table: str) -> Row:
    """Return a row that was sent as JSON as it is read: every field, typed, null where it was left out.

    Raises:
        WarehouseUnavailable: a field is unknown, or a required one is missing; BigQuery refuses such rows.
    """
    return _record(row, schema_of(table), table)


def _record(row: Row, fields: Sequence[Field], where: str) -> Row:
    if unknown := row.keys() - {field["name"] for field in fields}:
        raise WarehouseUnavailable(f"{where} refused the row: no such field: {', '.join(sorted(unknown))}")
    return {field["name"]: _value(row.get(field["name"]), field, f"{where}.{field['name']}") for field in fields}


def _value(value: Any, field: Field, where: str) -> Any:
    if field["mode"] == "REPEATED":
        return [_one(item, field, where) for item in value or []]
    if value is None and field["mode"] == "REQUIRED":
        raise WarehouseUnavailable(f"{where} refused the row: the field is required")
    return None if value is None else _one(value, field, where)


def _one(value: Any, field: Field, where: str) -> Any:
    match field["type"]:
        case "RECORD":
            return _record(value, field["fields"], where)
        case "TIMESTAMP":
            return datetime.fromisoformat(value)
        case "DATE":
            return date.fromisoformat(value)
    return value
