"""The parts of JSON Schema with which routes are declared (https://json-schema.org/draft/2020-12)."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

ANY: Schema = {}
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
OPTIONS: Schema = {"type": ["object", "null"]}
FILE: Schema = {"type": "string", "format": "binary"}
ONE_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4dccGAATmAhM9Iro+AAAAAElFTkSuQmCC"
"""A PNG in base64, small enough for an example."""

IN_BASE64: Schema = {"type": "string", "contentEncoding": "base64", "minLength": 1, "examples": [ONE_PIXEL]}


def object_of(required: dict[str, Schema], **optional: Schema) -> Schema:
    """Return the schema of an object with required and optional fields."""
    return {"type": "object", "properties": {**required, **optional}, "required": list(required)}


def array_of(of: Schema, *, at_least: int = 0, example: Any = None) -> Schema:
    """Return the schema of an array."""
    schema: Schema = {"type": "array", "items": of}
    if at_least:
        schema["minItems"] = at_least
    return schema if example is None else {**schema, "examples": [example]}


def any_of(*schemas: Schema) -> Schema:
    """Return the schema of a value that fits one of several schemas."""
    return {"anyOf": list(schemas)}
