"""One step of one image fails repeatedly: how often it is tried, for how long, and in which rhythm."""

from __future__ import annotations

import itertools
import time
from typing import Any

from shared.emulators.faults.record import Record
from tests.system.chaos import steps
from tests.system.chaos.events import event_of, post
from tests.system.chaos.ledger import Put
from tests.system.chaos.pictures import picture
from tests.system.chaos.run import Scenario
from tests.system.chaos.steps import Step
from tests.system.chaos.world import DEADLINE_S, World

MOST_ATTEMPTS = 25
"""Attempts of one delivery: pauses are drawn from 0 to 0.2, 0.4, 0.8, 1.6, 2, 2, … s, so 8 are usual in 4 s."""
WITHIN_S = 3.0 * DEADLINE_S
"""An attempt that begins before the deadline may take as long as the deadline once more; and a margin."""
FAULTS: tuple[tuple[Step, dict[str, Any]], ...] = (
    (steps.ARCHIVE, {"kind": "reset"}),
    (steps.RECORD, {"kind": "partial"}),
    (steps.RECORD, {"kind": "missing"}),
    (steps.READ, {"kind": "status", "status": 503}),
    (steps.READ, {"kind": "truncate"}),
    (steps.ARCHIVE, {"kind": "status", "status": 429}),
    (steps.RECORD, {"kind": "status", "status": 500}),
    (steps.RECORD, {"kind": "stall", "seconds": 60}),
    (steps.DELETE, {"kind": "status", "status": 503}),
)
FEW = 3
"""The first of them, in a run of few images."""
MANY_IMAGES = 100


def play(world: World, images: int) -> None:
    """Let each step fail for longer than the deadline: the event must be refused in time, to be delivered again."""
    faults = FAULTS if images >= MANY_IMAGES else FAULTS[:FEW]
    with world.no_events():
        puts = [world.buckets.put_over(picture(seed, "fails")) for seed in range(len(faults))]
    deliveries = [_fail(world, put, step, fault) for put, (step, fault) in zip(puts, faults, strict=True)]
    rhythms = {
        tuple(round(pause_s, 1) for pause_s in _pauses(records)) for records, _ in deliveries if len(records) > 2
    }
    if len(rhythms) == 1:
        world.complaints.append(f"retries came in one rhythm, without jitter: {rhythms}")
    world.figures["most attempts of one delivery"] = max(len(records) for records, _ in deliveries)
    world.figures["longest delivery"] = f"{max(took_s for _, took_s in deliveries):.1f} s"


def _fail(world: World, put: Put, step: Step, fault: dict[str, Any]) -> tuple[list[Record], float]:
    """Deliver an event into a fault; return the requests of the step, and how long the function took to refuse."""
    wire = world.wire_of(step)
    since = max((record.number for record in wire.records()), default=0)
    wire.set(method=step.method, path=step.path(), **fault)
    started = time.monotonic()
    status = post(world.cloud.url("classify_upload"), event_of(put.ref, len(put.file.content)))
    took_s = time.monotonic() - started
    wire.clear()
    records = [record for record in wire.records(since) if step.fits(record)]
    what = f"{fault.get('status', fault['kind'])} at {step.name}"
    if status < 500:
        world.complaints.append(f"{what}: the event was answered {status}, so it would not be delivered again")
    if took_s > WITHIN_S:
        world.complaints.append(f"{what}: the function took {took_s:.1f} s, with a deadline of {DEADLINE_S} s")
    if not 0 < len(records) <= MOST_ATTEMPTS:
        world.complaints.append(f"{what}: {len(records)} attempts, expected 1 to {MOST_ATTEMPTS}")
    return records, took_s


def _pauses(records: list[Record]) -> list[float]:
    """Return the seconds from the start of each attempt to that of the next."""
    return [(later.began_ns - earlier.began_ns) / 1e9 for earlier, later in itertools.pairwise(records)]


SCENARIO = Scenario("one_step_fails", "one step fails for longer than the deadline", play)
