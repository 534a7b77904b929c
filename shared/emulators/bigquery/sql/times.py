"""Translate functions of dates and times that SQLGlot and DuckDB compute differently from BigQuery."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp
from sqlglot.generators.duckdb import DuckDBGenerator

from shared.emulators.bigquery.engine.macros import macro

_DAY_NAMES = {"SUNDAY": "%U", "MONDAY": "%W"}


def _bucket(kind: str) -> Callable[[list[Any]], exp.Expr]:
    """Build x_BUCKET(value, width[, origin]); the default origin is 1950-01-01."""

    def build(arguments: list[Any]) -> exp.Expr:
        value, width, *origin = arguments
        start = origin[0] if origin else exp.Literal.string("1950-01-01")
        return exp.cast(macro("TIME_BUCKET", width, exp.cast(value, kind), exp.cast(start, kind)), kind)

    return build


PARSED: dict[str, Callable[..., Any]] = {
    "DATE_BUCKET": _bucket("DATE"),
    "DATETIME_BUCKET": _bucket("TIMESTAMP"),
    "TIMESTAMP_BUCKET": _bucket("TIMESTAMPTZ"),
}
"""Functions that SQLGlot lacks."""


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
        # DuckDB includes the seconds.
        "MICROSECOND": f"(EXTRACT(MICROSECOND FROM {value}) % 1000000)",
        "MILLISECOND": f"(EXTRACT(MILLISECOND FROM {value}) % 1000)",
    }
    return special.get(part, f"EXTRACT({part} FROM {value})")


def _date_delta(self: DuckDBGenerator, node: exp.Expr) -> str:
    # A date plus an interval is a timestamp in DuckDB.
    sql = DuckDBGenerator.TRANSFORMS[type(node)](self, node)
    if node.this.is_type(exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ, exp.DType.DATETIME):
        return sql
    return f"CAST({sql} AS DATE)"


def _date_trunc(self: DuckDBGenerator, node: exp.DateTrunc) -> str:
    # A truncated date is a timestamp in DuckDB.
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
    """Truncate a time; DuckDB's weeks begin on Monday, BigQuery's on Sunday or on the named day."""
    name = unit.name.upper()
    day = name if isinstance(unit, exp.WeekStart) else {"ISOWEEK": "MONDAY", "WEEK": "SUNDAY"}.get(name)
    if day is None:
        return f"DATE_TRUNC('{name}', {value})"
    days = f"INTERVAL {_WEEK.index(day) if day in _WEEK else 0} DAY"
    return f"(DATE_TRUNC('WEEK', {value} - {days}) + {days})"


_WEEK = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


def _plus_days(operator: str) -> Callable[[DuckDBGenerator, exp.Binary], str]:
    def write(self: DuckDBGenerator, node: exp.Binary) -> str:
        # DuckDB adds days to a date as 32 bits, not 64.
        for date, days in ((node.this, node.expression), (node.expression, node.this)):
            if date.is_type(exp.DType.DATE) and days.is_type(*exp.DataType.INTEGER_TYPES):
                return f"CAST({self.sql(date)} {operator} CAST({self.sql(days)} AS INTEGER) AS DATE)"
        return self.binary(node, operator)

    return write


def _timestamp_diff(self: DuckDBGenerator, node: exp.TimestampDiff) -> str:
    # BigQuery counts whole hours between two timestamps; DuckDB's date_diff counts beginnings of hours.
    return self.func("DATESUB", exp.Literal.string(node.args["unit"].name), node.expression, node.this)


def _date_diff(kind: str) -> Callable[[DuckDBGenerator, exp.Expr], str]:
    def write(self: DuckDBGenerator, node: exp.Expr) -> str:
        later, earlier = (f"CAST({self.sql(node, side)} AS {kind})" for side in ("this", "expression"))
        unit = node.args.get("unit") or exp.var("DAY")
        name = unit.name.upper()
        if isinstance(unit, exp.WeekStart) or name in ("WEEK", "ISOWEEK"):
            # DuckDB's weeks begin on Monday, so the difference of truncated days is divided by seven.
            return f"(DATE_DIFF('DAY', {_truncated(earlier, unit)}, {_truncated(later, unit)}) // 7)"
        return f"DATE_DIFF('{name}', {earlier}, {later})"

    return write


def _from_epoch(self: DuckDBGenerator, node: exp.UnixToTime) -> str:
    # make_timestamp and epoch_ms return a timestamp without zone, which is BigQuery's DATETIME.
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
    exp.GenerateTimestampArray: _generate_timestamps,
    exp.Sub: _plus_days("-"),
    exp.DatetimeTrunc: lambda self, node: _truncated(f"CAST({self.sql(node, 'this')} AS TIMESTAMP)", node.args["unit"]),
    exp.TimestampDiff: _timestamp_diff,
    exp.TimestampTrunc: _timestamp_trunc,
    exp.TsOrDsToTime: _time,
    exp.UnixMicros: _to_epoch(1),
    exp.UnixMillis: _to_epoch(1000),
    exp.UnixSeconds: _to_epoch(1000000),
    exp.UnixToTime: _from_epoch,
}
"""By class of node: the function that writes a node of dates and times for DuckDB."""
