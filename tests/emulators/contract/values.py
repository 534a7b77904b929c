"""Compares a value with its description in a discovery document: types, formats, patterns and choices.

Format: https://developers.google.com/discovery/v1/type-format
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Description = Mapping[str, Any]

RANGES = {
    "int32": range(-(1 << 31), 1 << 31),
    "uint32": range(1 << 32),
    "int64": range(-(1 << 63), 1 << 63),
    "uint64": range(1 << 64),
}
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
SHAPES = {
    "byte": r"[\w+/-]*={0,2}",
    "date": r"\d{4}-\d\d-\d\d",
    "date-time": MOMENT,
    "google-datetime": MOMENT,
    "google-duration": r"-?\d+(\.\d{1,9})?s",
    "google-fieldmask": r"[\w.]+(,[\w.]+)*",
}
NUMBERS_AS_TEXT = ("NaN", "Infinity", "-Infinity")


def faults_in_text(where: str, text: str, described: Description) -> Iterator[str]:
    """Say what is wrong with a parameter of a path or a query, where every value is text.

    Args:
        where: how the faults name the value.
        text: the value, percent-decoded.
        described: the parameter, as the document has it.
    """
    match described["type"]:
        case "boolean":
            if text.lower() not in ("true", "false"):  # Google's own clients for Python write True
                yield f"{where} is {text!r}, expected true or false"
        case "integer":
            yield from _faults_in_number_as_text(where, text, described)
        case "number":
            if text not in NUMBERS_AS_TEXT and not re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", text):
                yield f"{where} is {text!r}, expected a number"
        case _:
            yield from _faults_in_string(where, text, described)


def faults_in_json(
    where: str, value: object, described: Description, schemas: Mapping[str, Description], method: str = ""
) -> Iterator[str]:
    """Say what is wrong with a JSON value, recursively.

    Args:
        where: how the faults name the value, such as ``body.rows``.
        value: as the json module reads it.
        described: its schema; ``$ref`` names one of ``schemas``.
        schemas: of the document.
        method: the id of the method that is called; some properties are required by some methods only. Empty for an
            answer.
    """
    if "$ref" in described:
        described = schemas[described["$ref"]]
    match described["type"], value:
        case "any", _:
            pass
        case "object", dict():
            yield from _faults_in_object(where, value, described, schemas, method)
        case "array", list():
            for index, item in enumerate(value):
                yield from faults_in_json(f"{where}[{index}]", item, described["items"], schemas, method)
        case "string", str():
            yield from _faults_in_string(where, value, described)
        case "boolean", bool():
            pass
        case "integer", int() if not isinstance(value, bool):
            yield from _faults_in_number_as_text(where, str(value), described)
        case "number", int() | float() if not isinstance(value, bool):
            pass
        case "number", str() if value in NUMBERS_AS_TEXT:
            pass
        case expected, _:
            yield f"{where} is {value!r}, expected {expected}{_format_of(described)}"


def _faults_in_object(
    where: str, value: dict[str, Any], described: Description, schemas: Mapping[str, Description], method: str
) -> Iterator[str]:
    properties: Mapping[str, Description] = described.get("properties", {})
    others: Description | None = described.get("additionalProperties")
    for name, one in value.items():
        if (known := properties.get(name, others)) is None:
            yield f"{where}.{name} is unknown; {described.get('id', 'this object')} has no such property"
        else:
            yield from faults_in_json(f"{where}.{name}", one, known, schemas, method)
    for name, known in properties.items():
        if name not in value and method and method in known.get("annotations", {}).get("required", ()):
            yield f"{where}.{name} is missing; {method} requires it"
    kind = properties.get("kind", {}).get("default")
    if kind and value.get("kind", kind) != kind:
        yield f"{where}.kind is {value['kind']!r}, expected {kind!r}"


def _faults_in_string(where: str, text: str, described: Description) -> Iterator[str]:
    if "enum" in described and text not in described["enum"]:
        yield f"{where} is {text!r}, expected one of {', '.join(described['enum'])}"
    if "pattern" in described and not re.fullmatch(described["pattern"], text):
        yield f"{where} is {text!r}, expected what matches {described['pattern']}"
    kind = described.get("format", "")
    if kind in RANGES:
        yield from _faults_in_number_as_text(where, text, described)
    elif kind in SHAPES and not re.fullmatch(SHAPES[kind], text):
        yield f"{where} is {text!r}, expected string{_format_of(described)}"


def _faults_in_number_as_text(where: str, text: str, described: Description) -> Iterator[str]:
    allowed = RANGES[described.get("format", "int64")]
    if not re.fullmatch(r"-?\d+", text) or int(text) not in allowed:
        yield f"{where} is {text!r}, expected {described['type']}{_format_of(described)}"
    elif not int(described.get("minimum", text)) <= int(text) <= int(described.get("maximum", text)):
        yield f"{where} is {text}, expected at least {described.get('minimum')}, at most {described.get('maximum')}"


def _format_of(described: Description) -> str:
    return f" of the format {described['format']}" if "format" in described else ""
