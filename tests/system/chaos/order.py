"""Rules of the requests on the wire: preconditions that each must send, and which must be answered first."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from shared.emulators.faults.record import Record
from tests.system.chaos import steps
from tests.system.chaos.steps import Step

HARMLESS = (None, "stall", "forget")
"""Faults that still let an answer reach the client."""


def broken_preconditions(records: Iterable[Record]) -> Iterator[str]:
    """Name every request of the functions that does not name the generation that it is about.

    Reads and deletes name the generation; writes to the archive and to quarantine are create-only, and a copy names
    the generation of its source (https://cloud.google.com/storage/docs/request-preconditions).
    """
    for record in records:
        if lacks := _lacks(record):
            yield f"{record.method} {record.path} went out without {lacks}: {record.query}"


def broken_order(records: Sequence[Record], expected: Sequence[Step]) -> Iterator[str]:
    """Compare the requests of one image, processed without faults while nothing else was, with its steps.

    Each step must come once, and only after the one before it was answered with success.
    """
    came = [record for record in records if any(step.fits(record) for step in steps.EVERY)]
    names = [step.name for record in came for step in steps.EVERY if step.fits(record)]
    if names != [step.name for step in expected]:
        yield f"the steps were {', '.join(names)}, expected {', '.join(step.name for step in expected)}"
    for before, after in itertools.pairwise(came):
        if before.ended_ns is None or before.ended_ns > after.began_ns or (before.status or 500) >= 300:
            yield f"{after.method} {after.path} began before {before.method} {before.path} was answered with success"


def deleted_too_early(records: Sequence[Record], name: str, generation: int, row_id: str) -> str | None:
    """Name a generation's delete that was sent before an insert of its row had been answered with success."""
    deletes = [
        record for record in records if steps.DELETE.fits(record, name) and str(generation) in record.query.values()
    ]
    inserts = [
        record.ended_ns
        for record in records
        if row_id in record.row_ids and record.status == 200 and record.fault in HARMLESS and record.ended_ns
    ]
    if deletes and (not inserts or min(delete.began_ns for delete in deletes) < min(inserts)):
        return f"{name}#{generation} was deleted before its row was taken"
    return None


def _lacks(record: Record) -> str | None:
    query = record.query
    if steps.READ.fits(record) and "generation" not in query:
        return "its generation"
    if steps.DELETE.fits(record) and not {"generation", "ifGenerationMatch"} & query.keys():
        return "its generation"
    if (steps.ARCHIVE.fits(record) or steps.QUARANTINE.fits(record)) and query.get("ifGenerationMatch") != "0":
        return "ifGenerationMatch=0"
    if steps.QUARANTINE.fits(record) and "sourceGeneration" not in query:
        return "the generation of its source"
    return None
