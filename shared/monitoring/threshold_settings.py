"""The thresholds as settings: a variable of the environment for each, such as ``MONITOR_MIN_PICTURES``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any

from shared.errors import Misconfigured
from shared.monitoring.thresholds import RetrainingThresholds, VerdictThresholds

PREFIX = "MONITOR_"

KINDS: tuple[type[VerdictThresholds | RetrainingThresholds], ...] = (VerdictThresholds, RetrainingThresholds)


def variable_of(threshold: Field[Any]) -> str:
    """Return the name of a threshold's variable."""
    return PREFIX + threshold.name.upper()


def thresholds_from(environment: Mapping[str, str]) -> tuple[VerdictThresholds, RetrainingThresholds]:
    """Read the thresholds that are set; the others have their defaults, also where a variable is empty.

    Raises:
        Misconfigured: naming every malformed variable, and what was expected.
    """
    faults: list[str] = []
    verdict, retraining = ({**_set_values(kind, environment, faults)} for kind in KINDS)
    if faults:
        raise Misconfigured("the environment", faults)
    return VerdictThresholds(**verdict), RetrainingThresholds(**retraining)


def is_whole(threshold: Field[Any]) -> bool:
    """Return whether a threshold is a number of pictures, labels or windows."""
    return isinstance(threshold.default, int)


def _set_values(kind: type[Any], environment: Mapping[str, str], faults: list[str]) -> dict[str, Any]:
    values = {}
    for threshold in fields(kind):
        if text := environment.get(variable_of(threshold)):
            try:
                values[threshold.name] = _parsed(text, threshold)
            except ValueError as error:
                faults.append(f"{variable_of(threshold)} is {text!r}, expected {error}")
    return values


def _parsed(text: str, threshold: Field[Any]) -> float:
    """Parse a number.

    Raises:
        ValueError: the message is what was expected.
    """
    most, is_digits = threshold.metadata["most"], text.isascii() and text.isdigit()
    if is_whole(threshold):
        if not is_digits or not int(text):
            raise ValueError("a whole number above 0")
        return int(text)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= most or not math.isfinite(value):
        raise ValueError("a number above 0" + (f" and at most {most:g}" if math.isfinite(most) else ""))
    return value
