"""The columns of a table: BigQuery's JSON, DuckDB's types, and the allowed changes of a schema."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from duckdb import DuckDBPyRelation

from shared.emulators.bigquery.errors import ApiError

_ALIASES = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD", "DECIMAL": "NUMERIC"}
_DUCK = {
    "STRING": "VARCHAR",
    "BYTES": "BLOB",
    "INTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
    "NUMERIC": "DECIMAL(38,9)",
    # BigQuery's BIGNUMERIC has 76 digits, DuckDB's widest decimal 38.
    "BIGNUMERIC": "DECIMAL(38,18)",
    "BOOLEAN": "BOOLEAN",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "DATETIME": "TIMESTAMP",
    "DATE": "DATE",
    "TIME": "TIME",
    "JSON": "JSON",
    "INTERVAL": "INTERVAL",
}
_FROM_DUCK = {duck: name for name, duck in _DUCK.items()} | {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER"), "INTEGER"),
    **dict.fromkeys(("UBIGINT", "UHUGEINT", '"NULL"', "NULL"), "INTEGER"),
    **dict.fromkeys(("FLOAT",), "FLOAT"),
    **dict.fromkeys(("UUID",), "STRING"),
    **dict.fromkeys(("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "DATETIME"),
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}")
_MODES = ("NULLABLE", "REQUIRED", "REPEATED")


@dataclass(frozen=True, slots=True)
class Field:
    """One column, or one field of a RECORD."""

    name: str
    type: str
    """BigQuery's older name: INTEGER, FLOAT, BOOLEAN, RECORD, …"""
    mode: str = "NULLABLE"
    fields: tuple[Field, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Metadata that is only stored and returned: description, policy tags, …"""

    @property
    def is_repeated(self) -> bool:
        """Whether it holds a list."""
        return self.mode == "REPEATED"

    @property
    def is_required(self) -> bool:
        """Whether it may not be null."""
        return self.mode == "REQUIRED"

    def as_json(self) -> dict[str, Any]:
        """Return a TableFieldSchema."""
        document: dict[str, Any] = {"name": self.name, "type": self.type, "mode": self.mode, **self.notes}
        if self.fields:
            document["fields"] = [inner.as_json() for inner in self.fields]
        return document


def quoted(name: str) -> str:
    """Return a name as a quoted identifier for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def fields_from_json(
    documents: Iterable[Mapping[str, Any]], path: str = "", any_name: bool = False
) -> tuple[Field, ...]:
    """Parse a list of TableFieldSchema.

    Args:
        documents: the fields.
        path: prefix of the names in messages, with its dot.
        any_name: accept any name, since the fields of a view are named by its query's aliases.

    Raises:
        ApiError: invalid, naming the field: a bad name, an unknown type or mode, a name used twice.
    """
    fields = tuple(_field_from_json(document, path, any_name) for document in documents)
    seen: set[str] = set()
    for column in fields:
        if column.name.lower() in seen:
            raise ApiError("invalid", f"Duplicate field name: {path}{column.name}")
        seen.add(column.name.lower())
    return fields


def fields_as_json(fields: Iterable[Field]) -> dict[str, Any]:
    """Return a TableSchema."""
    return {"fields": [column.as_json() for column in fields]}


def duck_type(column: Field) -> str:
    """Return the DuckDB type of a field."""
    if column.type == "RECORD":
        inner = ", ".join(f"{quoted(part.name)} {duck_type(part)}" for part in column.fields)
        base = f"STRUCT({inner})"
    else:
        base = _DUCK[column.type]
    return f"{base}[]" if column.is_repeated else base


def fields_of_result(relation: DuckDBPyRelation) -> tuple[Field, ...]:
    """Return the schema of a relation.

    Raises:
        ApiError: invalidQuery: BigQuery lacks a column's type, or two columns share a name.
    """
    fields = tuple(_field_of(name, kind) for name, kind in zip(relation.columns, relation.types, strict=True))
    names = [column.name.lower() for column in fields]
    duplicates = sorted({column.name for column in fields if names.count(column.name.lower()) > 1})
    if duplicates:
        raise ApiError(
            "invalidQuery",
            "Duplicate column names in the result are not supported. Found duplicate(s): " + ", ".join(duplicates),
        )
    return fields


def selected(fields: tuple[Field, ...], names: str | None) -> tuple[Field, ...]:
    """Return the columns named by ``selectedFields``, in its order; a RECORD can only be selected as a whole.

    Raises:
        ApiError: invalid: a column does not exist.
    """
    if not names:
        return fields
    known = {column.name.lower(): column for column in fields}
    requested = [name.strip() for name in names.split(",")]
    missing = [name for name in requested if name.lower() not in known]
    if missing:
        raise ApiError("invalid", f"Field {', '.join(missing)} is not a column of the table")
    return tuple(known[name.lower()] for name in requested)


def merged(old: Sequence[Field], new: Sequence[Field], path: str = "") -> tuple[Field, ...]:
    """Return the schema of a table after an update: the old fields in their order, then the added ones.

    Raises:
        ApiError: invalid: a field is missing, has another type, became REQUIRED, or is new and REQUIRED.
    """
    updates = {column.name.lower(): column for column in new}
    result = []
    for column in old:
        update = updates.pop(column.name.lower(), None)
        name = f"{path}{column.name}"
        if update is None:
            raise ApiError("invalid", f"Provided Schema does not match Table. Field {name} is missing in new schema")
        if update.type != column.type:
            raise ApiError(
                "invalid",
                f"Provided Schema does not match Table. Field {name} has changed type from {column.type} "
                f"to {update.type}",
            )
        if update.mode != column.mode and (column.mode, update.mode) != ("REQUIRED", "NULLABLE"):
            raise ApiError(
                "invalid",
                f"Provided Schema does not match Table. Field {name} has changed mode from {column.mode} "
                f"to {update.mode}",
            )
        result.append(replace(update, name=column.name, fields=merged(column.fields, update.fields, f"{name}.")))
    for column in updates.values():
        if column.is_required:
            raise ApiError(
                "invalid",
                f"Provided Schema does not match Table. Cannot add required fields to an existing schema. "
                f"(field: {path}{column.name})",
            )
        result.append(column)
    return tuple(result)


def alterations(old: Sequence[Field], new: Sequence[Field], path: str = "") -> list[str]:
    """Return the clauses after ``ALTER TABLE t`` that change a schema into a merged one."""
    known = {column.name.lower(): column for column in old}
    steps: list[str] = []
    for column in new:
        before = known.get(column.name.lower())
        name = f"{path}{quoted(column.name)}"
        if before is None:
            steps.append(f"ADD COLUMN {name} {duck_type(column)}")
            if column.is_repeated and not path:
                steps.append(f"ALTER COLUMN {name} SET DEFAULT []")
            continue
        if before.is_required and not column.is_required and not path:
            steps.append(f"ALTER COLUMN {name} DROP NOT NULL")
        element = ".element" if column.is_repeated else ""
        steps += alterations(before.fields, column.fields, f"{name}{element}.")
    return steps


def _field_from_json(document: Mapping[str, Any], path: str, any_name: bool) -> Field:
    name = document.get("name")
    if not isinstance(name, str) or not (any_name or _NAME.fullmatch(name)):
        raise ApiError(
            "invalid",
            f'Invalid field name "{path}{name}". Fields must contain only letters, numbers, and underscores, start '
            "with a letter or underscore, and be at most 300 characters long.",
        )
    kind = str(document.get("type", "")).upper()
    kind = _ALIASES.get(kind, kind)
    if kind != "RECORD" and kind not in _DUCK:
        raise ApiError("invalid", f"Field {path}{name} has type {kind}, which the local warehouse does not have")
    mode = str(document.get("mode") or "NULLABLE").upper()
    if mode not in _MODES:
        raise ApiError("invalid", f"Field {path}{name} has mode {mode}, expected one of {', '.join(_MODES)}")
    inner = fields_from_json(document.get("fields") or (), f"{path}{name}.", any_name)
    if (kind == "RECORD") != bool(inner):
        raise ApiError("invalid", f"Field {path}{name} is type {kind} but has {len(inner)} fields")
    notes = {key: value for key, value in document.items() if key not in ("name", "type", "mode", "fields")}
    return Field(name, kind, mode, inner, notes)


def _field_of(name: str, kind: Any) -> Field:
    if kind.id in ("list", "array"):
        element = _field_of(name, kind.children[0][1])
        if element.is_repeated:
            raise ApiError(
                "invalidQuery", f"Column {name} is an array of arrays, which BigQuery does not have", "query"
            )
        return replace(element, mode="REPEATED")
    if kind.id == "struct":
        return Field(name, "RECORD", fields=tuple(_field_of(part, of) for part, of in kind.children))
    text = str(kind)
    if kind.id == "decimal":
        return Field(name, "BIGNUMERIC" if text == _DUCK["BIGNUMERIC"] else "NUMERIC")
    if kind.id == "enum":
        return Field(name, "STRING")
    if text not in _FROM_DUCK:
        raise ApiError("invalidQuery", f"Column {name} has type {text}, which BigQuery does not have", "query")
    return Field(name, _FROM_DUCK[text])
