"""Check incoming rows as strictly as BigQuery does, and convert them to JSON that DuckDB reads.

For each type, the same values are accepted as by BigQuery's insertAll and load jobs: numbers as strings, timestamps in
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
"""The ErrorProto of a row: reason, location, message, debugInfo."""


@dataclass(frozen=True, slots=True)
class RowReader:
    """Checks rows against a table's columns."""

    fields: tuple[Field, ...]
    ignore_unknown: bool = False

    def read(self, row: Any) -> tuple[str, list[Problem]]:
        """Return a row as a JSON object for ``insert_sql``, and its problems; with a problem, the object is empty."""
        problems: list[Problem] = []
        if not isinstance(row, Mapping):
            return "", [problem("", "Row is not a JSON object")]
        canonical = self._record(row, self.fields, "", problems)
        return ("" if problems else json.dumps(canonical)), problems

    def _record(
        self, row: Mapping[str, Any], fields: Sequence[Field], path: str, problems: list[Problem]
    ) -> dict[str, Any]:
        values = {str(name).lower(): value for name, value in row.items()}
        if len(values) > len(fields) or not all(column.name.lower() in values for column in fields):
            self._check_names(row, fields, path, problems)
        result: dict[str, Any] = {}
        for column in fields:
            name = column.name.lower()
            if name in values:
                result[column.name] = self._value(values[name], column, f"{path}{column.name}", problems)
            elif column.is_required:
                problems.append(problem("", f"Missing required field: {path}{column.name}."))
            else:
                # DuckDB's JSON reader requires every name.
                result[column.name] = [] if column.is_repeated else None
        return result

    def _check_names(self, row: Mapping[str, Any], fields: Sequence[Field], path: str, problems: list[Problem]) -> None:
        known = {column.name.lower() for column in fields}
        unknown = [] if self.ignore_unknown else [name for name in row if str(name).lower() not in known]
        problems += [problem(f"{path}{name}", f"no such field: {path}{name}.") for name in unknown]

    def _value(self, value: Any, column: Field, path: str, problems: list[Problem]) -> Any:
        if not column.is_repeated:
            if value is None:
                if column.is_required:
                    problems.append(problem(path, f"Missing required field: {path}."))
                return None
            if isinstance(value, list) and column.type != "JSON":
                problems.append(problem(path, f"Array specified for non-repeated field: {path}."))
                return None
            return self._single(value, column, path, problems)
        if not isinstance(value, list):
            message = "Field value cannot be empty" if value is None else "Repeated field must be given as an array"
            problems.append(problem(path, f"{message}: {path}."))
            return []
        items = []
        for position, item in enumerate(value):
            if item is None:
                problems.append(problem(f"{path}[{position}]", f"Only optional fields can be set to NULL: {path}."))
            else:
                items.append(self._single(item, column, f"{path}[{position}]", problems))
        return items

    def _single(self, value: Any, column: Field, path: str, problems: list[Problem]) -> Any:
        if column.type == "RECORD":
            if not isinstance(value, Mapping):
                problems.append(problem(path, f"This field: {path} is not a record."))
                return None
            return self._record(value, column.fields, f"{path}.", problems)
        try:
            if column.type == "JSON":
                return _json(value)
            return READERS[column.type](value)
        except BadValue as error:
            problems.append(problem(path, str(error)))
            return None


def problem(location: str, message: str, reason: str = "invalid") -> Problem:
    """Return a problem of a row as an ErrorProto."""
    return {"reason": reason, "location": location, "debugInfo": "", "message": message}


def insert_sql(table: str, fields: Sequence[Field]) -> str:
    """Return an INSERT with one parameter: a JSON array of rows from ``RowReader.read``.

    DuckDB parses the array itself, which is several times faster than a parameter for each value and handles nesting.
    """
    shape = json.dumps([{column.name: _shape(column) for column in fields}])
    columns = ", ".join(quoted(column.name) for column in fields)
    values = ", ".join(f"{_value_sql(f'_row.{quoted(column.name)}', column)}" for column in fields)
    text = shape.replace("'", "''")
    return (
        f"INSERT INTO {table} ({columns}) SELECT {values} FROM (SELECT unnest(from_json_strict(?, '{text}')) AS _row)"
    )


def _shape(column: Field) -> Any:
    if column.type == "RECORD":
        single: Any = {part.name: _shape(part) for part in column.fields}
    else:
        single = "VARCHAR" if column.type == "BYTES" else duck_type(Field(column.name, column.type))
    return [single] if column.is_repeated else single


def _value_sql(path: str, column: Field, depth: int = 0) -> str:
    """Return the SQL expression of a value: its path, and a conversion for BYTES, which are hexadecimal digits."""
    if not any(True for _ in _bytes_in(column)):
        return path
    if column.is_repeated:
        name = f"_item{depth}"
        single = Field(column.name, column.type, "NULLABLE", column.fields)
        return f"list_transform({path}, lambda {name}: {_value_sql(name, single, depth + 1)})"
    if column.type == "BYTES":
        return f"unhex({path})"
    parts = ", ".join(
        f"{quoted(part.name)} := {_value_sql(f'{path}.{quoted(part.name)}', part, depth)}" for part in column.fields
    )
    return f"CASE WHEN {path} IS NOT NULL THEN struct_pack({parts}) END"


def _bytes_in(column: Field) -> Iterator[Field]:
    if column.type == "BYTES":
        yield column
    for part in column.fields:
        yield from _bytes_in(part)


def _json(value: Any) -> Any:
    """Return the value of a JSON column; a string is parsed as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=_no_constant)
    except ValueError as error:
        raise BadValue(f"Invalid JSON text: {value[:80]!r}") from error


def _no_constant(name: str) -> Callable[[], None]:
    raise ValueError(f"{name} is not JSON")
