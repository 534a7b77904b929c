"""What can go wrong on request: answers that are refused, lost, late or cut short."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from aiohttp import web

KINDS = ("status", "reset", "stall", "truncate")
"""Those that every service has."""


@dataclass
class Fault:
    """What goes wrong, and with which requests."""

    kind: str = "status"
    """``status``: answered with ``status``. ``reset``: the connection is reset. ``stall``: held for ``seconds``, or
    until the fault is removed. ``truncate``: done, then the first half of the answer's body and a reset. A service may
    have more."""
    method: str | None = None
    """None for any."""
    path: str = ""
    """A regular expression, searched in path and query as they came, percent-encoded."""
    status: int = 503
    reason: str | None = None
    """Of the error; None for the one that the service gives with the status."""
    skip: int = 0
    """How many fitting requests still pass before it strikes."""
    count: int | None = None
    """How often it still happens; None for as long as it is set."""
    probability: float = 1.0
    seconds: float = 60.0
    after: bool = False
    """Whether the service has done what was asked: the change is made, and its answer is late or lost."""
    late: bool = False
    """Whether a request that is held before its effect takes effect even though its client is gone by then."""
    rows: tuple[int, ...] = (0,)
    """Which rows of a request ``partial`` refuses, from 0."""
    number: int = field(default=0, init=False)
    struck: int = field(default=0, init=False)
    """How often it has happened; counted as soon as a request is struck, so also while it is held."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability is {self.probability}; it must be 0 to 1")
        if not 400 <= self.status <= 599:
            raise ValueError(f"status is {self.status}; it must be 400 to 599")
        if not 0 <= self.seconds <= 3600:
            raise ValueError(f"seconds is {self.seconds}; it must be 0 to 3,600")
        self.skip, self.rows = int(self.skip), tuple(int(row) for row in self.rows)
        self.count = None if self.count is None else int(self.count)
        re.compile(self.path)

    def fits(self, request: web.Request) -> bool:
        """Tell whether a request is one of those meant."""
        is_method = self.method is None or self.method.upper() == request.method
        return is_method and self.count != 0 and re.search(self.path, request.raw_path) is not None


class Faults:
    """The faults that are set, the first that fits first.

    Args:
        more_kinds: kinds that the service has beside ``KINDS``.
        seed: makes the faults with a probability the same on every run.
    """

    def __init__(self, more_kinds: Iterable[str] = (), seed: int | None = None) -> None:
        self._kinds = (*KINDS, *more_kinds)
        self._random = random.Random(seed)  # noqa: S311 - chooses faults, keeps no secret
        self._faults: list[Fault] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._faults)

    def add(self, wanted: Mapping[str, Any]) -> Fault:
        """Set a fault, given as JSON.

        Raises:
            ValueError: an unknown key, or a value that makes no sense.
        """
        known = [one.name for one in fields(Fault) if one.init]
        if unknown := sorted(set(wanted) - set(known)):
            raise ValueError(f"A fault has no {', '.join(unknown)}; it has {', '.join(known)}.")
        try:
            fault = Fault(**wanted)
        except (ValueError, TypeError, re.error) as error:
            raise ValueError(f"This is no fault: {error}.") from error
        if fault.kind not in self._kinds:
            raise ValueError(f"This is no fault: kind is {fault.kind!r}; it must be one of {', '.join(self._kinds)}.")
        self._number += 1
        fault.number = self._number
        self._faults.append(fault)
        return fault

    def remove(self, number: int | None = None) -> None:
        """Remove a fault, or all; whom they hold goes on."""
        self._faults = [fault for fault in self._faults if number is not None and fault.number != number]

    def is_set(self, fault: Fault) -> bool:
        """Tell whether a fault was not removed yet; its count may have run out."""
        return any(one is fault for one in self._faults)

    def listed(self) -> list[dict[str, Any]]:
        """Return the faults as JSON."""
        return [asdict(fault) for fault in self._faults]

    def strike(self, request: web.Request) -> Fault | None:
        """Return the fault that this request meets, and count it."""
        for fault in self._faults:
            if not fault.fits(request) or self._random.random() >= fault.probability:
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.count = None if fault.count is None else fault.count - 1
            fault.struck += 1
            return fault
        return None
