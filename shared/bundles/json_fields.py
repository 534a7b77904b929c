"""Validate a JSON document by dotted path and report every fault together."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Fields:
    """The fields of a JSON document, by dotted path.

    Args:
        document: as ``json.loads`` returns it, of any type.
        faults: gets a sentence for each field that is missing, of the wrong type or out of range.
    """

    def __init__(self, document: Any, faults: list[str]) -> None:
        self.document = document
        self.faults = faults

    def has(self, path: str) -> bool:
        """Return whether a field has a value other than null."""
        return self._at(path) is not None

    def is_a(self, path: str, kind: type) -> bool:
        """Return whether a field has a value of a type."""
        return isinstance(self._at(path), kind)

    def of(self, path: str, kind: type, default: Any, holds: Callable[[Any], bool] = lambda _: True) -> Any:
        """Return a field's value, or ``default`` where the field has a fault; a whole number is valid as a float."""
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
        """Return a field's value, which must be one of ``allowed``; any other value adds a fault."""
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
