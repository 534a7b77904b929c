"""Dates, times and formats: what SQLGlot and DuckDB do differently from BigQuery.

In BigQuery's documentation: https://cloud.google.com/bigquery/docs/reference/standard-sql/format-elements
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from sqlglot import exp
from sqlglot.generators.duckdb import DuckDBGenerator

from shared.local.warehouse.macros import macro

# Element of BigQuery's → strftime element of DuckDB's, where it is another; %n is nanoseconds in DuckDB.
_ELEMENTS = {
    **{f"%{letter}": f"%{letter}" for letter in "AaBbdGHIjmMpSuUVwWYyf"},
    **{"%c": "%a %b %-d %H:%M:%S %Y", "%D": "%m/%d/%y", "%F": "%Y-%m-%d", "%h": "%b", "%n": "\n", "%R": "%H:%M"},
    **{"%T": "%H:%M:%S", "%t": "\t", "%X": "%H:%M:%S", "%x": "%m/%d/%y", "%%": "%%"},
    **{"%E3S": "%S.%g", "%E6S": "%S.%f", "%E*S": "%S.%f", "%E4Y": "%Y"},
}
# Elements that strftime does not have at all, as SQL around the value.
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

_DAY_NAMES = {"SUNDAY": "%U", "MONDAY": "%W"}


def _raw(kind: type[exp.Expr], inner: type[exp.Expr] | None = None) -> Callable[[list[Any]], exp.Expr]:
    """Build FORMAT_x and PARSE_x with the format as it was written: SQLGlot's translation of it loses elements."""

    def build(arguments: list[Any]) -> exp.Expr:
        layout, value, *zone = [*arguments, None][:3] if len(arguments) > 1 else [*arguments, None, None]
        value = inner(this=value) if inner else value
        return kind(this=value, format=layout, zone=zone[0] if zone else None)

    return build


def _bucket(kind: str) -> Callable[[list[Any]], exp.Expr]:
    """Build x_BUCKET(value, width[, origin]); the origin is 1950-01-01 unless it is given."""

    def build(arguments: list[Any]) -> exp.Expr:
        value, width, *origin = arguments
        start = origin[0] if origin else exp.Literal.string("1950-01-01")
        return exp.cast(macro("TIME_BUCKET", width, exp.cast(value, kind), exp.cast(start, kind)), kind)

    return build


PARSED: dict[str, Callable[..., Any]] = {
    "FORMAT_DATE": _raw(exp.TimeToStr, exp.TsOrDsToDate),
    "FORMAT_DATETIME": _raw(exp.TimeToStr, exp.TsOrDsToDatetime),
    "FORMAT_TIMESTAMP": _raw(exp.TimeToStr, exp.TsOrDsToTimestamp),
    "DATE_BUCKET": _bucket("DATE"),
    "DATETIME_BUCKET": _bucket("TIMESTAMP"),
    "TIMESTAMP_BUCKET": _bucket("TIMESTAMPTZ"),
    "PARSE_DATE": _raw(exp.StrToDate),
    "PARSE_DATETIME": _raw(exp.ParseDatetime),
    "PARSE_TIME": _raw(exp.ParseTime),
    "PARSE_TIMESTAMP": _raw(exp.StrToTime),
}
"""Functions that are read in another way than SQLGlot reads them."""


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


_TARGETS = {
    exp.TsOrDsToDate: "DATE",
    exp.TsOrDsToDatetime: "TIMESTAMP",
    exp.TsOrDsToTimestamp: "TIMESTAMP WITH TIME ZONE",
}


def _formatted(self: DuckDBGenerator, layout: str, value: str, has_zone: bool) -> Iterator[str]:
    """Yield the SQL of each part of a formatted time; neighbours that strftime knows are one part."""
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
        # What is not given is that of 1970-01-01 in BigQuery, of 1900 in DuckDB.
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
        # %E*S takes seconds with and without a fraction; DuckDB tries a list of formats.
        layouts.append(known.replace("%S.%f", "%S"))
    choices = ", ".join(self.sql(exp.Literal.string(one)) for one in layouts)
    parsed = f"STRPTIME({value}, [{choices}])"
    if zone := node.args.get("zone"):
        return f"(CAST({parsed} AS TIMESTAMP) AT TIME ZONE {self.sql(zone)})"
    return f"CAST({parsed} AS {_PARSED_TYPES[type(node)]})"


_PARSED_TYPES = {
    exp.StrToDate: "DATE",
    exp.StrToTime: "TIMESTAMP WITH TIME ZONE",
    exp.ParseDatetime: "TIMESTAMP",
    exp.ParseTime: "TIME",
}


def _extract(self: DuckDBGenerator, node: exp.Extract) -> str:
    part, value = node.this.name.upper(), self.sql(node.expression)
    if isinstance(node.this, exp.WeekStart):
        # DuckDB's week is the ISO week; BigQuery's begins on the named day.
        if part not in _DAY_NAMES:
            self.unsupported(f"EXTRACT(WEEK({part}))")
        return f"CAST(STRFTIME({value}, '{_DAY_NAMES.get(part, '%U')}') AS BIGINT)"
    special = {
        "DATE": f"CAST({value} AS DATE)",
        "TIME": f"CAST(CAST({value} AS TIMESTAMP) AS TIME)",
        "DATETIME": f"CAST({value} AS TIMESTAMP)",
        # 0 to 6 in DuckDB, 1 to 7 in BigQuery.
        "DAYOFWEEK": f"(EXTRACT(DOW FROM {value}) + 1)",
        "WEEK": f"CAST(STRFTIME({value}, '%U') AS BIGINT)",
        "ISOWEEK": f"EXTRACT(WEEK FROM {value})",
        "DAYOFYEAR": f"EXTRACT(DOY FROM {value})",
        # With the seconds in DuckDB.
        "MICROSECOND": f"(EXTRACT(MICROSECOND FROM {value}) % 1000000)",
        "MILLISECOND": f"(EXTRACT(MILLISECOND FROM {value}) % 1000)",
    }
    return special.get(part, f"EXTRACT({part} FROM {value})")


def _date_delta(self: DuckDBGenerator, node: exp.Expr) -> str:
    # A date with an interval added is a timestamp in DuckDB.
    sql = DuckDBGenerator.TRANSFORMS[type(node)](self, node)
    if node.this.is_type(exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ, exp.DType.DATETIME):
        return sql
    return f"CAST({sql} AS DATE)"


def _date_trunc(self: DuckDBGenerator, node: exp.DateTrunc) -> str:
    # So is a truncated date.
    value = node.this
    if node.args.get("zone") or value.is_type(exp.DType.TIMESTAMPTZ):
        return _timestamp_trunc(self, node)
    sql = _truncated(self.sql(value), node.args["unit"])
    return sql if value.is_type(exp.DType.TIMESTAMP, exp.DType.DATETIME) else f"CAST({sql} AS DATE)"


def _timestamp_trunc(self: DuckDBGenerator, node: exp.Expr) -> str:
    value, unit = f"CAST({self.sql(node, 'this')} AS TIMESTAMP WITH TIME ZONE)", node.args["unit"]
    if node.this.is_type(exp.DType.TIMESTAMP, exp.DType.DATETIME):
        return _truncated(self.sql(node, "this"), unit)
    if zone := self.sql(node, "zone"):
        return f"({_truncated(f'({value} AT TIME ZONE {zone})', unit)} AT TIME ZONE {zone})"
    return _truncated(value, unit)


def _truncated(value: str, unit: exp.Expr) -> str:
    """Truncate; DuckDB's weeks begin on Monday, BigQuery's on Sunday or the day that is named."""
    name = unit.name.upper()
    day = name if isinstance(unit, exp.WeekStart) else {"ISOWEEK": "MONDAY", "WEEK": "SUNDAY"}.get(name)
    if day is None:
        return f"DATE_TRUNC('{name}', {value})"
    days = f"INTERVAL {_WEEK.index(day) if day in _WEEK else 0} DAY"
    return f"(DATE_TRUNC('WEEK', {value} - {days}) + {days})"


_WEEK = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


def _plus_days(operator: str) -> Callable[[DuckDBGenerator, exp.Binary], str]:
    def write(self: DuckDBGenerator, node: exp.Binary) -> str:
        # DuckDB adds 32 bits of days to a date, not 64.
        for date, days in ((node.this, node.expression), (node.expression, node.this)):
            if date.is_type(exp.DType.DATE) and days.is_type(*exp.DataType.INTEGER_TYPES):
                return f"CAST({self.sql(date)} {operator} CAST({self.sql(days)} AS INTEGER) AS DATE)"
        return self.binary(node, operator)

    return write


def _timestamp_diff(self: DuckDBGenerator, node: exp.TimestampDiff) -> str:
    # BigQuery counts whole hours between two timestamps, date_diff the hours' beginnings.
    return self.func("DATESUB", exp.Literal.string(node.unit.name), node.expression, node.this)


def _date_diff(kind: str) -> Callable[[DuckDBGenerator, exp.Expr], str]:
    def write(self: DuckDBGenerator, node: exp.Expr) -> str:
        later, earlier = (f"CAST({self.sql(node, side)} AS {kind})" for side in ("this", "expression"))
        unit = node.args.get("unit") or exp.var("DAY")
        name = unit.name.upper()
        if isinstance(unit, exp.WeekStart) or name in ("WEEK", "ISOWEEK"):
            # DuckDB counts from Monday to Monday, and whole weeks of seven days.
            return f"(DATE_DIFF('DAY', {_truncated(earlier, unit)}, {_truncated(later, unit)}) // 7)"
        return f"DATE_DIFF('{name}', {earlier}, {later})"

    return write


def _from_epoch(self: DuckDBGenerator, node: exp.UnixToTime) -> str:
    # make_timestamp and epoch_ms return what BigQuery calls a DATETIME.
    scale = node.args.get("scale")
    factor = 1 if scale == exp.UnixToTime.MICROS else 1000 if scale == exp.UnixToTime.MILLIS else 1000000
    return f"MAKE_TIMESTAMPTZ({self.wrap(node.this)} * {factor})"


def _to_epoch(factor: int) -> Callable[[DuckDBGenerator, exp.Expr], str]:
    def write(self: DuckDBGenerator, node: exp.Expr) -> str:
        return f"bq_floor_div(EPOCH_US(CAST({self.sql(node, 'this')} AS TIMESTAMP WITH TIME ZONE)), {factor})"

    return write


def _now_as(kind: str) -> Callable[[DuckDBGenerator, exp.Expr], str]:
    def write(self: DuckDBGenerator, node: exp.Expr) -> str:
        zone = self.sql(node, "this") or "'UTC'"
        return f"CAST((CURRENT_TIMESTAMP AT TIME ZONE {zone}) AS {kind})"

    return write


def _datetime(self: DuckDBGenerator, node: exp.Datetime) -> str:
    second = node.expression
    if second.is_type(exp.DType.TIME):
        return f"(CAST({self.sql(node.this)} AS DATE) + {self.sql(second)})"
    return f"(CAST({self.sql(node.this)} AS TIMESTAMP WITH TIME ZONE) AT TIME ZONE {self.sql(second)})"


def _time(self: DuckDBGenerator, node: exp.TsOrDsToTime) -> str:
    # A timestamp with a zone has no cast to TIME in DuckDB.
    value = self.sql(node.this)
    if node.this.is_type(*exp.DataType.TEXT_TYPES, exp.DType.TIME):
        return f"CAST({value} AS TIME)"
    return f"CAST(CAST({value} AS TIMESTAMP) AS TIME)"


def _generate_timestamps(self: DuckDBGenerator, node: exp.GenerateTimestampArray) -> str:
    ends = [f"CAST({self.sql(node, end)} AS TIMESTAMP WITH TIME ZONE)" for end in ("start", "end")]
    return self.func("GENERATE_SERIES", *ends, node.args["step"])


def _printf(self: DuckDBGenerator, node: exp.Format) -> str:
    # DuckDB's format() wants {}; its printf() has what BigQuery's FORMAT has, but for %t and %T.
    if not isinstance(node.this, exp.Literal):
        self.unsupported("FORMAT with a format that is not a literal")
        return ""
    arguments, layout = list(node.expressions), node.this.name
    if "%" in _PRINTF.sub("", layout):
        self.unsupported(f"FORMAT('{layout}')")
    used = [element for element in _PRINTF.findall(layout) if element != "%"]
    for position, element in enumerate(used[: len(arguments)]):
        if element[-1] in "tTs":
            text = exp.DataType.build("VARCHAR", dialect="duckdb")
            arguments[position] = exp.Cast(this=arguments[position].copy(), to=text)
    layout = _PRINTF.sub(lambda found: found.group().replace("t", "s").replace("T", "s"), layout)
    return self.func("PRINTF", exp.Literal.string(layout), *arguments)


WRITTEN: dict[type[exp.Expr], Callable[..., str]] = {
    exp.Add: _plus_days("+"),
    exp.CurrentDatetime: _now_as("TIMESTAMP"),
    exp.CurrentTime: _now_as("TIME"),
    exp.DateAdd: _date_delta,
    exp.DateDiff: _date_diff("DATE"),
    exp.DateSub: _date_delta,
    exp.DateTrunc: _date_trunc,
    exp.Datetime: _datetime,
    exp.DatetimeDiff: _date_diff("TIMESTAMP"),
    exp.Extract: _extract,
    exp.Format: _printf,
    exp.GenerateTimestampArray: _generate_timestamps,
    exp.ParseDatetime: _parse_time,
    exp.ParseTime: _parse_time,
    exp.StrToDate: _parse_time,
    exp.StrToTime: _parse_time,
    exp.Sub: _plus_days("-"),
    exp.TimeToStr: _format_time,
    exp.DatetimeTrunc: lambda self, node: _truncated(f"CAST({self.sql(node, 'this')} AS TIMESTAMP)", node.args["unit"]),
    exp.TimestampDiff: _timestamp_diff,
    exp.TimestampTrunc: _timestamp_trunc,
    exp.TsOrDsToTime: _time,
    exp.UnixMicros: _to_epoch(1),
    exp.UnixMillis: _to_epoch(1000),
    exp.UnixSeconds: _to_epoch(1000000),
    exp.UnixToTime: _from_epoch,
}
"""How nodes about time are written for DuckDB, by their class."""
