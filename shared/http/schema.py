"""The few words of JSON Schema that routes are declared with (https://json-schema.org/draft/2020-12)."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

ANY: Schema = {}
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
YES_OR_NO: Schema = {"type": "boolean"}
OPTIONS: Schema = {"type": ["object", "null"]}
FILE: Schema = {"type": "string", "format": "binary"}
ONE_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4dccGAATmAhM9Iro+AAAAAElFTkSuQmCC"
"""A PNG in base64, small enough for an example."""

IN_BASE64: Schema = {"type": "string", "contentEncoding": "base64", "minLength": 1, "examples": [ONE_PIXEL]}


def things(required: dict[str, Schema], **optional: Schema) -> Schema:
    """Return the schema of an object: fields that must be there, and fields that may."""
    return {"type": "object", "properties": {**required, **optional}, "required": list(required)}


def several(of: Schema, *, at_least: int = 0, example: Any = None) -> Schema:
    """Return the schema of a list."""
    schema: Schema = {"type": "array", "items": of}
    if at_least:
        schema["minItems"] = at_least
    return schema if example is None else {**schema, "examples": [example]}


def one_of(*schemas: Schema) -> Schema:
    """Return the schema of what fits any of several."""
    return {"anyOf": list(schemas)}
