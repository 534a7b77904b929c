"""The record of requests: what came, in which order, and how far each has got."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiohttp import web

from shared.emulators.faults.fault import Fault

MOST_RECORDS = 10_000
MOST_ROW_IDS = 100
"""Kept of one request."""

WORKING, HELD, ANSWERED = "working", "held", "answered"


@dataclass(slots=True)
class Record:
    """One request, from when it arrives."""

    number: int
    """Counts those of one service, in the order in which they arrive."""
    service: str
    method: str
    path: str
    """Percent-encoded."""
    query: dict[str, str]
    """The generation preconditions of Cloud Storage among it."""
    began_ns: int
    """By the clock of ``time.monotonic_ns``, which all processes of one machine share: records of several services
    can be put in order by it."""
    state: str = WORKING
    """``working``, ``held`` (by a stall, right now) or ``answered``."""
    ended_ns: int | None = None
    took_ms: float | None = None
    status: int | None = None
    """What was sent, or, where a fault kept it from arriving, what would have been; 499 where nothing was."""
    fault: str | None = None
    """Its kind."""
    after: bool = False
    """Whether the fault struck after the request had its effect."""
    row_ids: tuple[str | None, ...] = ()
    """insertIds of the first hundred rows, for insertAll."""


class Records:
    """The last 10,000 requests to one service."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._records: deque[Record] = deque(maxlen=MOST_RECORDS)
        self.count = 0

    def begin(self, request: web.Request, fault: Fault | None) -> Record:
        """Put a request on record as it arrives."""
        self.count += 1
        path = request.raw_path.partition("?")[0]
        record = Record(
            self.count, self._service, request.method, path, dict(request.query), began_ns=time.monotonic_ns()
        )
        if fault:
            record.fault, record.after = fault.kind, fault.after or fault.kind == "truncate"
        self._records.append(record)
        return record

    def end(self, record: Record, status: int) -> None:
        """Complete a record; one that was forgotten meanwhile stays forgotten."""
        record.state, record.status, record.ended_ns = ANSWERED, status, time.monotonic_ns()
        record.took_ms = round((record.ended_ns - record.began_ns) / 1e6, 3)

    def since(self, number: int = 0) -> list[Record]:
        """Return the records above a number, in the order of arrival."""
        return [record for record in self._records if record.number > number]

    def clear(self) -> None:
        """Forget all; numbers go on."""
        self._records.clear()


def in_order(*records: Iterable[Record]) -> list[Record]:
    """Return the records of several services in the order of arrival."""
    return sorted((record for some in records for record in some), key=lambda record: record.began_ns)


def row_ids_of(rows: object) -> tuple[str | None, ...]:
    """Return the insertIds of an insertAll's rows."""
    some = rows[:MOST_ROW_IDS] if isinstance(rows, Sequence) and not isinstance(rows, str) else ()
    return tuple(row.get("insertId") if isinstance(row, dict) else None for row in some)
