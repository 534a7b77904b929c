"""Bind query parameters: each becomes a typed literal in the query's tree.

Format: https://cloud.google.com/bigquery/docs/reference/rest/v2/QueryParameter
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from sqlglot import TokenType, exp

from shared.emulators.bigquery.errors import ApiError
from shared.emulators.bigquery.sql.dialect import BigQueryReader

_TYPES = {
    "STRING": "TEXT",
    "BYTES": "BLOB",
    "INT64": "BIGINT",
    "INTEGER": "BIGINT",
    "FLOAT64": "DOUBLE",
    "FLOAT": "DOUBLE",
    "NUMERIC": "DECIMAL(38, 9)",
    "BIGNUMERIC": "DECIMAL(38, 18)",
    "BOOL": "BOOLEAN",
    "BOOLEAN": "BOOLEAN",
    "TIMESTAMP": "TIMESTAMPTZ",
    "DATETIME": "TIMESTAMP",
    "DATE": "DATE",
    "TIME": "TIME",
    "JSON": "JSON",
}


_POSITION = "warehouse_position_"


def name_positions(sql: str) -> str:
    """Return a statement in which every ``?`` has a name, since the tree does not keep their order."""
    if "?" not in sql:
        return sql
    marks = [token for token in BigQueryReader().tokenize(sql) if token.token_type == TokenType.PLACEHOLDER]
    for index, token in reversed(list(enumerate(marks))):
        sql = f"{sql[: token.start]}@{_POSITION}{index}{sql[token.end + 1 :]}"
    return sql


def bind_parameters(tree: exp.Expr, parameters: Sequence[Mapping[str, Any]]) -> None:
    """Replace ``@name`` and ``?`` in a statement by their values, in place.

    Raises:
        ApiError: invalidQuery: a parameter is missing, has an unknown type, or its value is not of its type.
    """
    named = {str(entry.get("name")).lower(): entry for entry in parameters if entry.get("name")}
    named |= {f"{_POSITION}{index}": entry for index, entry in enumerate(parameters) if not entry.get("name")}
    for node in list(tree.find_all(exp.Parameter)):
        if isinstance(node.this, exp.Parameter):
            raise ApiError("invalidQuery", f"The system variable @@{node.this.name} is not supported locally", "query")
        index_text = node.name.removeprefix(_POSITION)
        label = (
            f"Query parameter '{node.name}'"
            if index_text == node.name
            else f"Positional query parameter {int(index_text) + 1}"
        )
        parameter = named.get(node.name.lower())
        if parameter is None:
            raise ApiError("invalidQuery", f"{label} not found", "query")
        node.replace(_literal(parameter.get("parameterType") or {}, parameter.get("parameterValue") or {}, label))


def _literal(kind: Mapping[str, Any], value: Mapping[str, Any], label: str) -> exp.Expr:
    name = str(kind.get("type", "")).upper()
    if name == "ARRAY":
        element = kind.get("arrayType") or {}
        items = [_literal(element, item, label) for item in value.get("arrayValues") or ()]
        return exp.cast(exp.Array(expressions=items), _data_type(kind, label))
    if name in ("STRUCT", "RECORD"):
        values = value.get("structValues") or {}
        parts = [_part(part, values, label) for part in kind.get("structTypes") or ()]
        return exp.Struct(expressions=parts)
    return _scalar(name, value.get("value"), kind, label)


def _part(part: Mapping[str, Any], values: Mapping[str, Any], label: str) -> exp.PropertyEQ:
    inner = _literal(part.get("type") or {}, values.get(part.get("name", "")) or {}, label)
    return exp.PropertyEQ(this=exp.to_identifier(part.get("name"), quoted=True), expression=inner)


def _scalar(name: str, value: Any, kind: Mapping[str, Any], label: str) -> exp.Expr:
    to = _data_type(kind, label)
    if value is None:
        return exp.cast(exp.null(), to)
    text = str(value)
    try:
        if name in ("INT64", "INTEGER"):
            return exp.cast(exp.Literal.number(str(int(text))), to)
        if name in ("FLOAT64", "FLOAT"):
            return exp.cast(exp.Literal.string(repr(float(text))), to)
        if name == "BYTES":
            raw = base64.b64decode(text, validate=True).hex()
            return exp.cast(exp.Anonymous(this="UNHEX", expressions=[exp.Literal.string(raw)]), to)
    except (ValueError, binascii.Error) as error:
        raise ApiError("invalidQuery", f"{label}: {text!r} is not a value of type {name}", "query") from error
    return exp.cast(exp.Literal.string(text), to)


def _data_type(kind: Mapping[str, Any], label: str) -> exp.DataType:
    return exp.DataType.build(_type_text(kind, label), dialect="duckdb")


def _type_text(kind: Mapping[str, Any], label: str) -> str:
    name = str(kind.get("type", "")).upper()
    if name == "ARRAY":
        return _type_text(kind.get("arrayType") or {}, label) + "[]"
    if name in ("STRUCT", "RECORD"):
        parts = kind.get("structTypes") or ()
        return (
            "STRUCT("
            + ", ".join(f'"{part.get("name")}" {_type_text(part.get("type") or {}, label)}' for part in parts)
            + ")"
        )
    if name not in _TYPES:
        raise ApiError("invalidQuery", f"{label} has type {name or 'none'}, which is not supported locally", "query")
    return _TYPES[name]
