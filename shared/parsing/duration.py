"""Parse how long back something reaches: ``30m``, ``12h``, ``7d``, ``4w``."""

from __future__ import annotations

import re
from datetime import timedelta

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
DURATION = re.compile(r"([0-9]{1,6})([mhdw])")
MOST = timedelta(days=3660)


def duration(value: str) -> timedelta:
    """Return a time of one minute to ten years from a whole number and a unit.

    Raises:
        ValueError: the message is what was expected.
    """
    match = DURATION.fullmatch(value)
    length = timedelta(**{UNITS[match[2]]: int(match[1])}) if match else timedelta()
    if not timedelta() < length <= MOST:
        raise ValueError("a whole number above 0 with m, h, d or w for minutes, hours, days or weeks, as in 7d")
    return length
