"""Read a row's value of each type as BigQuery does, and convert it for DuckDB's JSON reader."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

_INT64 = range(-(2**63), 2**63)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = r"(\d{4})-(\d{1,2})-(\d{1,2})"
_TIME = r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?"
_ONLY_DATE = re.compile(_DATE)
_ONLY_TIME = re.compile(_TIME)
_DATE_AND_TIME = re.compile(rf"{_DATE}(?:[Tt ]+{_TIME})?")
_ZONE = r"\s*(?:([Zz]|UTC|GMT)|(?:UTC)?([+-])(\d{1,2})(?::?(\d{2}))?|\s([A-Z]\w+(?:/[\w+-]+)+))"
_WITH_ZONE = re.compile(rf"{_DATE}(?:[Tt ]+{_TIME})?(?:{_ZONE})?")
_WHOLE = re.compile(r"\s*[+-]?\d{1,19}\s*")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_NOT_FINITE = {"nan": "nan", "inf": "inf", "infinity": "inf", "+inf": "inf", "+infinity": "inf"}
_NOT_FINITE |= {"-inf": "-inf", "-infinity": "-inf"}


class BadValue(ValueError):
    """A value is not of its column's type. The message is BigQuery's, or close to it."""


def read_string(value: Any) -> str:
    """Return a STRING; numbers and booleans become text, as in BigQuery."""
    if isinstance(value, str):
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise BadValue("Could not convert value to string: it is not valid Unicode") from error
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    raise BadValue(f"Cannot convert value to string (bad value): {_shown(value)}")


def read_integer(value: Any) -> int:
    """Return an INTEGER: a whole number, or a string of one."""
    is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    is_whole_text = isinstance(value, str) and _WHOLE.fullmatch(value)
    if isinstance(value, bool) or not (is_whole or is_whole_text):
        raise BadValue(f"Cannot convert value to integer (bad value): {_shown(value)}")
    number = int(value)
    if number not in _INT64:
        raise BadValue(f"Cannot convert value to integer (out of range): {number}")
    return number


def read_float(value: Any) -> float | str:
    """Return a FLOAT: a number, a string of one, or NaN and infinities as strings."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return _finite_or_name(float(value))
        except OverflowError as error:
            raise BadValue(f"Cannot convert value to floating point (out of range): {value}") from error
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in _NOT_FINITE:
            return _NOT_FINITE[text.lower()]
        if _NUMBER.fullmatch(text):
            return _finite_or_name(float(text))
    raise BadValue(f"Cannot convert value to floating point (bad value): {_shown(value)}")


def read_numeric(value: Any) -> str:
    """Return a NUMERIC: up to 29 digits before the point and 9 after it."""
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            number = Decimal(str(value).strip())
        except InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite():
            if abs(number) >= Decimal(10) ** 29:
                raise BadValue(f"Invalid NUMERIC value: {value} is out of range")
            return format(number, "f")
    raise BadValue(f"Invalid NUMERIC value: {_shown(value)}")


def read_boolean(value: Any) -> bool:
    """Return a BOOLEAN from true or false, also as strings."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "t", "yes", "y", "1"):
        return True
    if isinstance(value, str) and value.strip().lower() in ("false", "f", "no", "n", "0"):
        return False
    raise BadValue(f"Cannot convert value to boolean (bad value): {_shown(value)}")


def read_bytes(value: Any) -> str:
    """Return BYTES as hexadecimal digits, from base64."""
    if isinstance(value, str):
        try:
            return base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True).hex()
        except (binascii.Error, ValueError) as error:
            raise BadValue(f"Could not decode base64 string to bytes: {_shown(value)}") from error
    raise BadValue(f"Could not decode base64 string to bytes: {_shown(value)}")


def read_timestamp(value: Any) -> str:
    """Return a TIMESTAMP: RFC 3339 and BigQuery's own forms, or seconds since 1970, to the microsecond."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _iso(_from_seconds(Decimal(str(value)), value))
    if not isinstance(value, str):
        raise BadValue(f"Cannot convert value to timestamp (bad value): {_shown(value)}")
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return _iso(_from_seconds(Decimal(text), value))
    match = _WITH_ZONE.fullmatch(text)
    if not match:
        raise BadValue(
            f"Could not parse '{value}' as a timestamp. Required format is YYYY-MM-DD HH:MM[:SS[.SSSSSS]] or "
            "YYYY/MM/DD HH:MM[:SS[.SSSSSS]]"
        )
    try:
        moment = datetime.combine(_date(match.groups()[:3]), _time(match.groups()[3:7]), _zone(match.groups()[7:]))
        return _iso(moment.astimezone(UTC))
    except (ValueError, OverflowError, KeyError, OSError) as error:
        raise BadValue(f"Could not parse '{value}' as a timestamp: {error}") from error


def read_datetime(value: Any) -> str:
    """Return a DATETIME: a date and a time of day, without a zone."""
    match = _DATE_AND_TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise BadValue(f"Could not parse '{_shown(value)}' as DATETIME for field (YYYY-MM-DD HH:MM:SS[.SSSSSS])")
    try:
        return datetime.combine(_date(match.groups()[:3]), _time(match.groups()[3:])).isoformat()
    except ValueError as error:
        raise BadValue(f"Could not parse '{value}' as DATETIME: {error}") from error


def read_date(value: Any) -> str:
    """Return a DATE: YYYY-MM-DD."""
    match = _ONLY_DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise BadValue(f"Could not parse '{_shown(value)}' as DATE (YYYY-MM-DD)")
    try:
        return _date(match.groups()).isoformat()
    except ValueError as error:
        raise BadValue(f"Could not parse '{value}' as DATE: {error}") from error


def read_time(value: Any) -> str:
    """Return a TIME: HH:MM:SS[.SSSSSS]."""
    match = _ONLY_TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise BadValue(f"Could not parse '{_shown(value)}' as TIME (HH:MM:SS[.SSSSSS])")
    try:
        return _time(match.groups()).isoformat()
    except ValueError as error:
        raise BadValue(f"Could not parse '{value}' as TIME: {error}") from error


READERS: dict[str, Callable[[Any], Any]] = {
    "STRING": read_string,
    "INTEGER": read_integer,
    "FLOAT": read_float,
    "NUMERIC": read_numeric,
    "BIGNUMERIC": read_numeric,
    "BOOLEAN": read_boolean,
    "BYTES": read_bytes,
    "TIMESTAMP": read_timestamp,
    "DATETIME": read_datetime,
    "DATE": read_date,
    "TIME": read_time,
}
"""By type: the function that reads a value; it raises BadValue."""


def _finite_or_name(number: float) -> float | str:
    return number if math.isfinite(number) else str(number)


def _from_seconds(seconds: Decimal, value: Any) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=int(seconds.scaleb(6).to_integral_value()))
    except (OverflowError, InvalidOperation) as error:
        raise BadValue(f"Timestamp is out of range: {value}") from error


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _date(parts: tuple[str | Any, ...]) -> date:
    return date(int(parts[0]), int(parts[1]), int(parts[2]))


def _time(parts: tuple[str | Any, ...]) -> time:
    hour, minute, second, fraction = (*parts, None, None, None, None)[:4]
    micros = int((fraction or "0").ljust(6, "0")[:6])
    return time(int(hour or 0), int(minute or 0), int(second or 0), micros)


def _zone(parts: tuple[str | Any, ...]) -> timezone | ZoneInfo:
    _, sign, hours, minutes, name = parts
    if name:
        return ZoneInfo(name)
    if not sign:
        return UTC
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return timezone(-offset if sign == "-" else offset)


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:80] + "…"
