"""Faults that can be injected: answers that are refused, lost, late or cut short."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from aiohttp import web

KINDS = ("status", "reset", "stall", "truncate")
"""The kinds of faults that every service has."""


@dataclass
class Fault:
    """A fault and the requests that it strikes."""

    kind: str = "status"
    """``status``: answer with ``status``. ``reset``: reset the connection. ``stall``: hold the request for ``seconds``
    or until the fault is removed. ``truncate``: process the request, then send the first half of the answer's body and
    reset. A service may have more kinds."""
    method: str | None = None
    """The HTTP method of the requests; None for any."""
    path: str = ""
    """A regular expression that is searched in the percent-encoded path and query."""
    status: int = 503
    reason: str | None = None
    """The error's reason; None for the service's usual reason for the status."""
    skip: int = 0
    """How many matching requests still pass before it strikes."""
    count: int | None = None
    """How often it still strikes; None for no limit."""
    probability: float = 1.0
    seconds: float = 60.0
    after: bool = False
    """Whether it strikes after the request took effect: the change is made, and its answer is late or lost."""
    late: bool = False
    """Whether a held request takes effect afterwards even if its client has disconnected."""
    rows: tuple[int, ...] = (0,)
    """Indexes from 0 of the rows that ``partial`` refuses."""
    number: int = field(default=0, init=False)
    struck: int = field(default=0, init=False)
    """How often it has struck; a request counts from the moment it is struck, so also while it is held."""

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            ValueError: a value is out of range.
        """
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability is {self.probability}; it must be 0 to 1")
        if not 400 <= self.status <= 599:
            raise ValueError(f"status is {self.status}; it must be 400 to 599")
        if not 0 <= self.seconds <= 3600:
            raise ValueError(f"seconds is {self.seconds}; it must be 0 to 3,600")
        self.skip, self.rows = int(self.skip), tuple(int(row) for row in self.rows)
        self.count = None if self.count is None else int(self.count)
        re.compile(self.path)

    def matches(self, request: web.Request) -> bool:
        """Return whether a request matches the fault."""
        is_method = self.method is None or self.method.upper() == request.method
        return is_method and self.count != 0 and re.search(self.path, request.raw_path) is not None


class Faults:
    """The faults that are set, in order: the first that matches a request strikes it.

    Args:
        more_kinds: the service's kinds in addition to ``KINDS``.
        seed: makes the faults with a probability the same on every run.
    """

    def __init__(self, more_kinds: Iterable[str] = (), seed: int | None = None) -> None:
        self._kinds = (*KINDS, *more_kinds)
        self._random = random.Random(seed)  # noqa: S311 - it chooses faults, not secrets
        self._faults: list[Fault] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._faults)

    def add(self, document: Mapping[str, Any]) -> Fault:
        """Add a fault from its JSON object and return it.

        Raises:
            ValueError: an unknown key or an invalid value.
        """
        known = [option.name for option in fields(Fault) if option.init]
        if unknown := sorted(set(document) - set(known)):
            raise ValueError(f"A fault has no {', '.join(unknown)}; it has {', '.join(known)}.")
        try:
            fault = Fault(**document)
        except (ValueError, TypeError, re.error) as error:
            raise ValueError(f"The fault is not valid: {error}.") from error
        if fault.kind not in self._kinds:
            raise ValueError(
                f"The fault is not valid: kind is {fault.kind!r}; it must be one of {', '.join(self._kinds)}."
            )
        self._number += 1
        fault.number = self._number
        self._faults.append(fault)
        return fault

    def remove(self, number: int | None = None) -> None:
        """Remove a fault, or all; the requests that they hold continue."""
        self._faults = [fault for fault in self._faults if number is not None and fault.number != number]

    def is_set(self, fault: Fault) -> bool:
        """Return whether a fault has not been removed; its count may have run out."""
        return any(known is fault for known in self._faults)

    def listed(self) -> list[dict[str, Any]]:
        """Return the faults as JSON."""
        return [asdict(fault) for fault in self._faults]

    def strike(self, request: web.Request) -> Fault | None:
        """Return the fault that strikes this request, if any, and count it."""
        for fault in self._faults:
            if not fault.matches(request) or self._random.random() >= fault.probability:
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.count = None if fault.count is None else fault.count - 1
            fault.struck += 1
            return fault
        return None
