"""Rows from outside: checked as strictly as BigQuery checks them, and brought into the form that DuckDB reads.

What is accepted for a type is what BigQuery's insertAll and load jobs accept: numbers as strings, timestamps in
RFC 3339 or as seconds since 1970, and so on.
"""

# ruff: noqa: S608  (names are quoted, values are parameters)
from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.emulators.bigquery.rows.values import READERS, BadValue
from shared.emulators.bigquery.schema_fields import Field, duck_type, quoted

Problem = dict[str, str]
"""An ErrorProto of a row: reason, location, message, debugInfo."""


@dataclass(frozen=True, slots=True)
class RowReader:
    """Checks rows against a table's columns."""

    fields: tuple[Field, ...]
    ignore_unknown: bool = False

    def read(self, row: Any) -> tuple[str, list[Problem]]:
        """Return a row as a JSON object for ``insert_sql``, and what is wrong with it, a problem each."""
        problems: list[Problem] = []
        if not isinstance(row, Mapping):
            return "", [problem("", "Row is not a JSON object")]
        canonical = self._record(row, self.fields, "", problems)
        return ("" if problems else json.dumps(canonical)), problems

    def _record(
        self, row: Mapping[str, Any], fields: Sequence[Field], path: str, problems: list[Problem]
    ) -> dict[str, Any]:
        given = {str(name).lower(): value for name, value in row.items()}
        if len(given) > len(fields) or not all(one.name.lower() in given for one in fields):
            self._check_names(row, fields, path, problems)
        result: dict[str, Any] = {}
        for one in fields:
            name = one.name.lower()
            if name in given:
                result[one.name] = self._value(given[name], one, f"{path}{one.name}", problems)
            elif one.is_required:
                problems.append(problem("", f"Missing required field: {path}{one.name}."))
            else:
                # DuckDB's reader wants every name to be there.
                result[one.name] = [] if one.is_repeated else None
        return result

    def _check_names(self, row: Mapping[str, Any], fields: Sequence[Field], path: str, problems: list[Problem]) -> None:
        known = {one.name.lower() for one in fields}
        unknown = [] if self.ignore_unknown else [name for name in row if str(name).lower() not in known]
        problems += [problem(f"{path}{name}", f"no such field: {path}{name}.") for name in unknown]

    def _value(self, value: Any, one: Field, path: str, problems: list[Problem]) -> Any:
        if not one.is_repeated:
            if value is None:
                if one.is_required:
                    problems.append(problem(path, f"Missing required field: {path}."))
                return None
            if isinstance(value, list) and one.type != "JSON":
                problems.append(problem(path, f"Array specified for non-repeated field: {path}."))
                return None
            return self._single(value, one, path, problems)
        if not isinstance(value, list):
            what = "Field value cannot be empty" if value is None else "Repeated field must be given as an array"
            problems.append(problem(path, f"{what}: {path}."))
            return []
        items = []
        for position, item in enumerate(value):
            if item is None:
                problems.append(problem(f"{path}[{position}]", f"Only optional fields can be set to NULL: {path}."))
            else:
                items.append(self._single(item, one, f"{path}[{position}]", problems))
        return items

    def _single(self, value: Any, one: Field, path: str, problems: list[Problem]) -> Any:
        if one.type == "RECORD":
            if not isinstance(value, Mapping):
                problems.append(problem(path, f"This field: {path} is not a record."))
                return None
            return self._record(value, one.fields, f"{path}.", problems)
        try:
            if one.type == "JSON":
                return _json(value)
            return READERS[one.type](value)
        except BadValue as error:
            problems.append(problem(path, str(error)))
            return None


def problem(location: str, message: str, reason: str = "invalid") -> Problem:
    """Return what is wrong with a row, in BigQuery's shape."""
    return {"reason": reason, "location": location, "debugInfo": "", "message": message}


def insert_sql(table: str, fields: Sequence[Field]) -> str:
    """Return an INSERT whose one parameter is a JSON array of rows from ``RowReader.read``.

    DuckDB takes them apart by itself: several times faster than a parameter for each value, and nested for free.
    """
    shape = json.dumps([{one.name: _shape(one) for one in fields}])
    columns = ", ".join(quoted(one.name) for one in fields)
    values = ", ".join(f"{_value_sql(f'_row.{quoted(one.name)}', one)}" for one in fields)
    text = shape.replace("'", "''")
    return (
        f"INSERT INTO {table} ({columns}) SELECT {values} FROM (SELECT unnest(from_json_strict(?, '{text}')) AS _row)"
    )


def _shape(one: Field) -> Any:
    if one.type == "RECORD":
        single: Any = {part.name: _shape(part) for part in one.fields}
    else:
        single = "VARCHAR" if one.type == "BYTES" else duck_type(Field(one.name, one.type))
    return [single] if one.is_repeated else single


def _value_sql(path: str, one: Field, depth: int = 0) -> str:
    """Return SQL that reads a value; only BYTES, which come as hexadecimal digits, need more than its path."""
    if not any(True for _ in _bytes_in(one)):
        return path
    if one.is_repeated:
        name = f"_item{depth}"
        single = Field(one.name, one.type, "NULLABLE", one.fields)
        return f"list_transform({path}, lambda {name}: {_value_sql(name, single, depth + 1)})"
    if one.type == "BYTES":
        return f"unhex({path})"
    parts = ", ".join(
        f"{quoted(part.name)} := {_value_sql(f'{path}.{quoted(part.name)}', part, depth)}" for part in one.fields
    )
    return f"CASE WHEN {path} IS NOT NULL THEN struct_pack({parts}) END"


def _bytes_in(one: Field) -> Iterator[Field]:
    if one.type == "BYTES":
        yield one
    for part in one.fields:
        yield from _bytes_in(part)


def _json(value: Any) -> Any:
    """Return the value of a JSON column, in which a string is JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=_no_constant)
    except ValueError as error:
        raise BadValue(f"Invalid JSON text: {value[:80]!r}") from error


def _no_constant(name: str) -> Callable[[], None]:
    raise ValueError(f"{name} is not JSON")
