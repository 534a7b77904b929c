"""Translate FORMAT, FORMAT_TIMESTAMP, PARSE_DATE and the like: BigQuery's format elements to DuckDB's.

https://cloud.google.com/bigquery/docs/reference/standard-sql/format-elements
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from sqlglot import exp
from sqlglot.generators.duckdb import DuckDBGenerator

# BigQuery's element → DuckDB's strftime element, which can differ: %n is nanoseconds in DuckDB.
_ELEMENTS = {
    **{f"%{letter}": f"%{letter}" for letter in "AaBbdGHIjmMpSuUVwWYyf"},
    **{"%c": "%a %b %-d %H:%M:%S %Y", "%D": "%m/%d/%y", "%F": "%Y-%m-%d", "%h": "%b", "%n": "\n", "%R": "%H:%M"},
    **{"%T": "%H:%M:%S", "%t": "\t", "%X": "%H:%M:%S", "%x": "%m/%d/%y", "%%": "%%"},
    **{"%E3S": "%S.%g", "%E6S": "%S.%f", "%E*S": "%S.%f", "%E4Y": "%Y"},
}
# Elements that strftime lacks, as SQL around the value.
_COMPUTED = {
    "%e": "LPAD(STRFTIME({0}, '%-d'), 2, ' ')",
    "%k": "LPAD(STRFTIME({0}, '%-H'), 2, ' ')",
    "%l": "LPAD(STRFTIME({0}, '%-I'), 2, ' ')",
    "%P": "LOWER(STRFTIME({0}, '%p'))",
    "%Q": "CAST(QUARTER({0}) AS VARCHAR)",
    "%s": "CAST(bq_floor_div(EPOCH_US({0}), 1000000) AS VARCHAR)",
    "%C": "CAST(YEAR({0}) // 100 AS VARCHAR)",
}
_OF_A_YEAR = ("%Y", "%y", "%F", "%D", "%c", "%x", "%E4Y", "%G", "%s")
_ELEMENT = re.compile(r"%E[0-9*][SY]|%Ez|%.|[^%]+", re.DOTALL)
_PRINTF = re.compile(r"%(%|[-+ #0]*\d*(?:\.\d+)?[dioxXfFeEgGstT])")


def _raw(kind: type[exp.Expr], inner: type[exp.Expr] | None = None) -> Callable[[list[Any]], exp.Expr]:
    """Build FORMAT_x and PARSE_x with the format as written, since SQLGlot's translation of it loses elements."""

    def build(arguments: list[Any]) -> exp.Expr:
        layout, value, *zone = [*arguments, None][:3] if len(arguments) > 1 else [*arguments, None, None]
        value = inner(this=value) if inner else value
        node = kind(this=value, format=layout)
        if zone and zone[0] is not None:
            node.set("zone", zone[0])
        return node

    return build


PARSED: dict[str, Callable[..., Any]] = {
    "FORMAT_DATE": _raw(exp.TimeToStr, exp.TsOrDsToDate),
    "FORMAT_DATETIME": _raw(exp.TimeToStr, exp.TsOrDsToDatetime),
    "FORMAT_TIMESTAMP": _raw(exp.TimeToStr, exp.TsOrDsToTimestamp),
    "PARSE_DATE": _raw(exp.StrToDate),
    "PARSE_DATETIME": _raw(exp.ParseDatetime),
    "PARSE_TIME": _raw(exp.ParseTime),
    "PARSE_TIMESTAMP": _raw(exp.StrToTime),
}
"""Functions that replace SQLGlot's parsers."""


def _layout(self: DuckDBGenerator, node: exp.Expr) -> str | None:
    layout = node.args["format"]
    if isinstance(layout, exp.Literal) and layout.is_string:
        return layout.name
    self.unsupported("A format of dates or times that is not a literal")
    return None


def _format_time(self: DuckDBGenerator, node: exp.TimeToStr) -> str:
    layout = _layout(self, node)
    zone = node.args.get("zone")
    value = f"CAST({self.sql(node.this.this)} AS {_TARGETS[type(node.this)]})"
    if zone:
        value = f"({value} AT TIME ZONE {self.sql(zone)})"
    elif isinstance(node.this, exp.TsOrDsToTimestamp):
        value = f"CAST({value} AS TIMESTAMP)"
    parts = list(_formatted(self, layout or "", value, bool(zone)))
    return f"({' || '.join(parts)})" if parts else "''"


_TARGETS: dict[type[exp.Expr], str] = {
    exp.TsOrDsToDate: "DATE",
    exp.TsOrDsToDatetime: "TIMESTAMP",
    exp.TsOrDsToTimestamp: "TIMESTAMP WITH TIME ZONE",
}


def _formatted(self: DuckDBGenerator, layout: str, value: str, has_zone: bool) -> Iterator[str]:
    """Yield the SQL of each part of a formatted time; adjacent elements of strftime are one part."""
    known = ""
    for element in _ELEMENT.findall(layout):
        if element in ("%Z", "%z", "%Ez"):
            if has_zone:
                self.unsupported(f"{element} together with a time zone")
            known += {"%Z": "UTC", "%z": "+0000", "%Ez": "+00:00"}[element]
        elif element in _ELEMENTS or not element.startswith("%"):
            known += _ELEMENTS.get(element, element)
        elif element in _COMPUTED:
            if known:
                yield f"STRFTIME({value}, {self.sql(exp.Literal.string(known))})"
            known = ""
            yield _COMPUTED[element].format(value)
        else:
            self.unsupported(f"The format element {element}")
    if known:
        yield f"STRFTIME({value}, {self.sql(exp.Literal.string(known))})"


def _parse_time(self: DuckDBGenerator, node: exp.Expr) -> str:
    layout = _layout(self, node) or ""
    value = self.sql(node.this)
    elements = _ELEMENT.findall(layout)
    if not any(element in _OF_A_YEAR for element in elements):
        # A missing year is 1970 in BigQuery, 1900 in DuckDB.
        value, elements = f"'1970 ' || {value}", ["%Y", " ", *elements]
    known = ""
    for element in elements:
        if element in ("%z", "%Ez"):
            known += "%z"
        elif element in ("%e", "%k", "%l"):
            known += {"%e": "%-d", "%k": "%-H", "%l": "%-I"}[element]
        elif element in _ELEMENTS or not element.startswith("%"):
            known += _ELEMENTS.get(element, element)
        else:
            self.unsupported(f"The format element {element} in a PARSE function")
    layouts = [known]
    if "%E*S" in elements:
        # %E*S accepts seconds with and without a fraction; DuckDB tries a list of formats.
        layouts.append(known.replace("%S.%f", "%S"))
    choices = ", ".join(self.sql(exp.Literal.string(choice)) for choice in layouts)
    parsed = f"STRPTIME({value}, [{choices}])"
    if zone := node.args.get("zone"):
        return f"(CAST({parsed} AS TIMESTAMP) AT TIME ZONE {self.sql(zone)})"
    return f"CAST({parsed} AS {_PARSED_TYPES[type(node)]})"


_PARSED_TYPES: dict[type[exp.Expr], str] = {
    exp.StrToDate: "DATE",
    exp.StrToTime: "TIMESTAMP WITH TIME ZONE",
    exp.ParseDatetime: "TIMESTAMP",
    exp.ParseTime: "TIME",
}


def _printf(self: DuckDBGenerator, node: exp.Format) -> str:
    # DuckDB's format() uses {}; its printf() has the elements of BigQuery's FORMAT, except %t and %T.
    if not isinstance(node.this, exp.Literal):
        self.unsupported("FORMAT with a format that is not a literal")
        return ""
    arguments, layout = list(node.expressions), node.this.name
    if "%" in _PRINTF.sub("", layout):
        self.unsupported(f"FORMAT('{layout}')")
    used = [element for element in _PRINTF.findall(layout) if element != "%"]
    for position, element in enumerate(used[: len(arguments)]):
        if element[-1] == "T":
            arguments[position] = _as_literal(self, arguments[position].copy())
        elif element[-1] in "ts":
            text = exp.DataType.build("VARCHAR", dialect="duckdb")
            arguments[position] = exp.Cast(this=arguments[position].copy(), to=text)
    layout = _PRINTF.sub(lambda match: match.group().replace("t", "s").replace("T", "s"), layout)
    return self.func("PRINTF", exp.Literal.string(layout), *arguments)


def _as_literal(self: DuckDBGenerator, value: exp.Expr) -> exp.Expr:
    """Return the text of %T: a value as a SQL literal, supported for strings, numbers and booleans."""
    text = exp.DataType.build("VARCHAR", dialect="duckdb")
    if value.is_type(*exp.DataType.TEXT_TYPES):
        value = exp.Anonymous(this="TO_JSON", expressions=[value])
    elif value.type and value.is_type(*exp.DataType.TEMPORAL_TYPES, exp.DType.ARRAY, exp.DType.STRUCT, exp.DType.JSON):
        self.unsupported("FORMAT('%T') of other types than strings, numbers and booleans")
    return exp.Cast(this=value, to=text)


WRITTEN: dict[type[exp.Expr], Callable[..., str]] = {
    exp.Format: _printf,
    exp.ParseDatetime: _parse_time,
    exp.ParseTime: _parse_time,
    exp.StrToDate: _parse_time,
    exp.StrToTime: _parse_time,
    exp.TimeToStr: _format_time,
}
"""By class of node: the function that writes a node with a format for DuckDB."""
