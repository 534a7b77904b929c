"""Write rows in BigQuery's JSON: ``{"f": [{"v": …}, …]}`` for each row, every scalar as a string."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.emulators.bigquery.errors import ApiError
from shared.emulators.bigquery.schema_fields import Field

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Cell = Callable[[Any], Any]


def row_writer(fields: Sequence[Field], timestamps: str = "FLOAT64") -> Callable[[Sequence[Any]], dict[str, Any]]:
    """Return a function that converts a row of Python values to BigQuery's JSON.

    Args:
        fields: the columns, in the row's order.
        timestamps: ``FLOAT64``: seconds, as text; ``INT64``: microseconds; ``ISO8601_STRING``.

    Raises:
        ApiError: invalid: another format of timestamps.
    """
    if timestamps not in _TIMESTAMPS:
        raise ApiError("invalid", f"timestampOutputFormat is {timestamps}, expected one of {', '.join(_TIMESTAMPS)}")
    cells = [_cell(column, timestamps) for column in fields]
    return lambda row: {"f": [{"v": cell(value)} for cell, value in zip(cells, row, strict=True)]}


def timestamp_format(use_int64: bool, output_format: str | None) -> str:
    """Return the format of timestamps from the two options of a request."""
    if output_format and output_format != "TIMESTAMP_OUTPUT_FORMAT_UNSPECIFIED":
        return output_format
    return "INT64" if use_int64 else "FLOAT64"


def _cell(column: Field, timestamps: str) -> Cell:
    single = _record(column, timestamps) if column.type == "RECORD" else _SCALARS.get(column.type, str)
    if column.type == "TIMESTAMP":
        single = _TIMESTAMPS[timestamps]
    if column.is_repeated:
        return lambda values: [{"v": None if item is None else single(item)} for item in values or ()]
    return lambda value: None if value is None else single(value)


def _record(column: Field, timestamps: str) -> Cell:
    names = [part.name for part in column.fields]
    cells = [_cell(part, timestamps) for part in column.fields]

    def write(value: Any) -> dict[str, Any]:
        # DuckDB returns a STRUCT with unnamed fields as a tuple.
        values = [value[name] for name in names] if isinstance(value, dict) else value
        return {"f": [{"v": cell(item)} for cell, item in zip(cells, values, strict=True)]}

    return write


def _float(value: float) -> str:
    if value != value:
        return "NaN"
    return repr(value).replace("inf", "Infinity")


def _micros(value: datetime) -> int:
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND


def _seconds(value: datetime) -> str:
    # BigQuery writes 1.767323045678901E9.
    digits = Decimal(_micros(value)).scaleb(-6).normalize()
    return f"{digits:E}".replace("E+", "E") if digits else "0.0"


def _iso(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _interval(value: timedelta) -> str:
    sign = "-" if value < timedelta() else ""
    whole = abs(value)
    hours, rest = divmod(whole.seconds, 3600)
    fraction = f".{whole.microseconds:06d}" if whole.microseconds else ""
    return f"0-0 {sign if whole.days else ''}{whole.days} {sign}{hours}:{rest // 60}:{rest % 60}{fraction}"


def _decimal(value: Decimal | float) -> str:
    text = format(Decimal(value), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_TIMESTAMPS: dict[str, Cell] = {
    "FLOAT64": _seconds,
    "INT64": lambda value: str(_micros(value)),
    "ISO8601_STRING": _iso,
}
_SCALARS: dict[str, Cell] = {
    "BOOLEAN": lambda value: "true" if value else "false",
    "BYTES": lambda value: base64.b64encode(value).decode(),
    "DATE": lambda value: value.isoformat(),
    "DATETIME": lambda value: value.isoformat(),
    "FLOAT": _float,
    "INTERVAL": _interval,
    "NUMERIC": _decimal,
    "BIGNUMERIC": _decimal,
    "TIME": lambda value: value.isoformat(),
}
