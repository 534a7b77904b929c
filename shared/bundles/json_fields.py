"""Dotted fields of a JSON document that somebody else wrote: what is wrong with them is collected, and told at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Fields:
    """Reads dotted fields of a JSON document.

    Args:
        document: whatever the JSON held.
        faults: to which a sentence is added for each field that is missing, of the wrong type or out of range.
    """

    def __init__(self, document: Any, faults: list[str]) -> None:
        self.document = document
        self.faults = faults

    def has(self, path: str) -> bool:
        """Return whether there is a value other than null."""
        return self._at(path) is not None

    def is_a(self, path: str, kind: type) -> bool:
        """Return whether there is a value of a type."""
        return isinstance(self._at(path), kind)

    def of(self, path: str, kind: type, default: Any, holds: Callable[[Any], bool] = lambda _: True) -> Any:
        """Return a field's value, or ``default`` where it is at fault; a whole number may stand for a float."""
        value = self._at(path)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            with suppress(OverflowError):
                value = float(value)
        if value is None:
            self._add(f"{path} is missing")
        elif not isinstance(value, kind) or isinstance(value, bool):
            self._add(f"{path} is {value!r:.80}, expected {kind.__name__}")
        elif not holds(value) or (isinstance(value, float) and not math.isfinite(value)):
            self._add(f"{path} is {value!r}, which is out of range")
        else:
            return value
        return default

    def one_of(self, path: str, allowed: tuple[str, ...]) -> str:
        """Return one of a few words."""
        value: str = self.of(path, str, allowed[0])
        if value not in allowed:
            self._add(f"{path} is {value!r}, expected one of {', '.join(allowed)}")
        return value

    def _at(self, path: str) -> Any:
        value = self.document
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def _add(self, fault: str) -> None:
        if fault not in self.faults:
            self.faults.append(fault)
