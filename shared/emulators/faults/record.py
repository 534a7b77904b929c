"""The record of requests: their order, their state and their results."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiohttp import web

from shared.emulators.faults.fault import Fault

MOST_RECORDS = 10_000
MOST_ROW_IDS = 100
"""The most insertIds that are recorded of a request."""

WORKING, HELD, ANSWERED = "working", "held", "answered"


@dataclass(slots=True)
class Record:
    """A request, recorded when it arrives."""

    number: int
    """The request's number among those of its service, in order of arrival."""
    service: str
    method: str
    path: str
    """Percent-encoded."""
    query: dict[str, str]
    """Query parameters, which include Cloud Storage's generation preconditions."""
    began_ns: int
    """Time of arrival by ``time.monotonic_ns``, which all processes of a machine share, so that records of several
    services can be sorted by it."""
    state: str = WORKING
    """``working``, ``held`` (by a stall) or ``answered``."""
    ended_ns: int | None = None
    took_ms: float | None = None
    status: int | None = None
    """The status that was sent, or would have been sent without the fault; 499 without an answer."""
    fault: str | None = None
    """The kind of the fault that struck the request."""
    after: bool = False
    """Whether the fault struck after the request took effect."""
    row_ids: tuple[str | None, ...] = ()
    """The insertIds of the first hundred rows of insertAll."""


class Records:
    """The last 10,000 requests to one service."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._records: deque[Record] = deque(maxlen=MOST_RECORDS)
        self.count = 0

    def begin(self, request: web.Request, fault: Fault | None) -> Record:
        """Record a request that arrives."""
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
        """Complete a record; a record that was cleared in the meantime stays cleared."""
        record.state, record.status, record.ended_ns = ANSWERED, status, time.monotonic_ns()
        record.took_ms = round((record.ended_ns - record.began_ns) / 1e6, 3)

    def since(self, number: int = 0) -> list[Record]:
        """Return the records above a number in order of arrival."""
        return [record for record in self._records if record.number > number]

    def clear(self) -> None:
        """Remove all records; the numbers continue."""
        self._records.clear()


def in_order(*records: Iterable[Record]) -> list[Record]:
    """Return the records of several services in order of arrival."""
    return sorted((record for service in records for record in service), key=lambda record: record.began_ns)


def row_ids_of(rows: object) -> tuple[str | None, ...]:
    """Return the insertIds of an insertAll's rows."""
    first_rows = rows[:MOST_ROW_IDS] if isinstance(rows, Sequence) and not isinstance(rows, str) else ()
    return tuple(row.get("insertId") if isinstance(row, dict) else None for row in first_rows)
