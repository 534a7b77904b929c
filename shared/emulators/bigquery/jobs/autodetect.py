"""The schema of a file that came without one, from its first rows.

https://cloud.google.com/bigquery/docs/schema-detect
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from shared.emulators.bigquery.errors import Refusal
from shared.emulators.bigquery.rows.values import (
    BadValue,
    read_date,
    read_float,
    read_integer,
    read_time,
    read_timestamp,
)
from shared.emulators.bigquery.schema_fields import Field

SAMPLE = 500
"""Rows that are looked at; as many as BigQuery looks at."""

_OF_TEXT: tuple[tuple[str, Callable[[str], object]], ...] = (
    ("INTEGER", read_integer),
    ("FLOAT", read_float),
    ("DATE", read_date),
    ("TIME", read_time),
    ("TIMESTAMP", read_timestamp),
)


def detect_fields(rows: Sequence[Mapping[str, Any]]) -> tuple[Field, ...]:
    """Return the columns that hold all of the first rows, every one of them nullable.

    Raises:
        Refusal: invalid, where there is no row or a value is of no type that BigQuery has.
    """
    values: dict[str, list[Any]] = {}
    for row in islice(rows, SAMPLE):
        if not isinstance(row, Mapping):
            raise Refusal("invalid", "The schema cannot be detected: a row is not a JSON object")
        for name, value in row.items():
            values.setdefault(str(name), []).append(value)
    if not values:
        raise Refusal("invalid", "The schema cannot be detected: the file holds no rows")
    return tuple(_field(name, found) for name, found in values.items())


def type_of_text(text: str) -> str:
    """Return the narrowest type that a piece of text can be read as."""
    if text.lower() in ("true", "false"):
        return "BOOLEAN"
    for name, read in _OF_TEXT:
        try:
            read(text)
        except BadValue:
            continue
        return name
    return "STRING"


def field_name(text: str, position: int) -> str:
    """Return a column's name for a header, in characters that BigQuery allows."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", text.strip())[:300]
    if not name.strip("_"):
        return f"string_field_{position}"
    return f"_{name}" if name[0].isdigit() else name


def _field(name: str, values: Sequence[Any]) -> Field:
    known = [value for value in values if value is not None]
    lists = [value for value in known if isinstance(value, list)]
    if lists and len(lists) < len(known):
        raise Refusal("invalid", f"The schema cannot be detected: {name} is a list in some rows and not in others")
    if lists:
        single = _field(name, [item for value in lists for item in value])
        if single.is_repeated:
            raise Refusal("invalid", f"The schema cannot be detected: {name} is a list of lists")
        return Field(name, single.type, "REPEATED", single.fields)
    records = [value for value in known if isinstance(value, Mapping)]
    if records:
        return Field(name, "RECORD", fields=detect_fields(records))
    return Field(name, _common({_scalar(value) for value in known if value != ""}))


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int):
        return "INTEGER"
    if isinstance(value, float):
        return "FLOAT"
    return type_of_text(str(value))


def _common(types: set[str]) -> str:
    if len(types) == 1:
        return types.pop()
    if types == {"INTEGER", "FLOAT"}:
        return "FLOAT"
    if types == {"DATE", "TIMESTAMP"}:
        return "TIMESTAMP"
    return "STRING"
