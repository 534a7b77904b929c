"""A time as a command's option takes it: an age such as ``2h``, or a date."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class Moment(click.ParamType[datetime]):
    """A time: ``2h`` is two hours ago, a date is its midnight in UTC."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time, aware; click calls this."""
        if isinstance(value, datetime):
            return value
        try:
            if match := re.fullmatch(r"([0-9]{1,6})([smhdw])", value):
                return datetime.now(UTC) - timedelta(seconds=int(match[1]) * UNITS_S[match[2]])
            moment = datetime.fromisoformat(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither an age, such as 90m, 2h or 7d, nor a date, such as 2026-11-20.")
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
