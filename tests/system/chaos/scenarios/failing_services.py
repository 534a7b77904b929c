"""Both services fail in every way that they can while images are uploaded and callers wait."""

from __future__ import annotations

import threading
import time
from collections import Counter

from tests.system.chaos import steps
from tests.system.chaos.callers import Callers
from tests.system.chaos.order import deleted_too_early
from tests.system.chaos.pictures import mixed, picture
from tests.system.chaos.run import Scenario
from tests.system.chaos.snapshot import take
from tests.system.chaos.world import DEADLINE_S, World

SHARE = 4
"""One in so many of the run's images comes by HTTPS, and as many by events."""
OUTAGE_S = DEADLINE_S + 1.0
CALLERS_DEADLINE_S = 2 * DEADLINE_S
"""A caller waits for the archive and for the row, each within its own deadline."""
MARGIN_S = 4.0
MOST_ATTEMPTS = 60
"""Requests of one step for one upload, over all deliveries of its event, in a run with two outages."""

EVERYWHERE = (
    {"kind": "status", "status": 429, "probability": 0.04},
    {"kind": "status", "status": 500, "probability": 0.03},
    {"kind": "status", "status": 503, "probability": 0.04},
    {"kind": "reset", "probability": 0.03},
    {"kind": "reset", "probability": 0.03, "after": True},
    {"kind": "truncate", "probability": 0.03},
    {"kind": "stall", "probability": 0.02, "seconds": 0.7},
    {"kind": "stall", "probability": 0.02, "seconds": 0.7, "after": True},
)
OF_THE_WAREHOUSE = (
    {"kind": "missing", "probability": 0.04},
    {"kind": "partial", "probability": 0.04},
    {"kind": "partial", "probability": 0.02, "after": True},
    {"kind": "forget", "probability": 0.10},
)


def play(world: World, images: int) -> None:
    """Upload images and call the function while faults strike at random, and everything fails for a while, twice."""
    count = max(12, images // SHARE)
    callers = Callers(world.cloud.url("classify_request"), world.ledger)
    posted = [picture(seed, "posted") for seed in range(50_000, 50_000 + count)]
    calling = threading.Thread(target=callers.ask, args=(posted,), name="callers")
    calling.start()
    files = list(mixed(count, "failing"))
    for half, step in ((files[::2], steps.RECORD), (files[1::2], steps.ARCHIVE)):
        _set_faults(world)
        world.buckets.put_all(half)
        world.wire_of(step).set("status", status=503, path=step.path(), method=step.method)
        time.sleep(OUTAGE_S)
        world.calm()
    _set_faults(world)
    calling.join()
    world.calm()
    world.settle()
    _judge_callers(world, callers)
    _judge_wire(world)


def _set_faults(world: World) -> None:
    for step in steps.EVERY:
        more = OF_THE_WAREHOUSE if step.at_the_warehouse else ()
        for fault in (*EVERYWHERE, *more):
            world.wire_of(step).set(method=step.method, path=step.path(), **fault)


def _judge_callers(world: World, callers: Callers) -> None:
    world.complaints += callers.complaints
    world.figures["HTTPS answers"] = str(dict(Counter(answer.status for answer in world.ledger.answers)))
    world.figures["slowest HTTPS answer"] = f"{callers.slowest_s:.1f} s"
    if callers.slowest_s > CALLERS_DEADLINE_S + MARGIN_S:
        world.complaints.append(f"a caller waited {callers.slowest_s:.1f} s, with a deadline of {CALLERS_DEADLINE_S} s")


def _judge_wire(world: World) -> None:
    """Check that there was no retry storm, and no delete before its row was inserted."""
    records = world.records()
    attempts: Counter[tuple[str, ...]] = Counter()
    for record in records:
        if record.row_ids:
            attempts["record", str(record.row_ids[0])] += 1
        elif steps.READ.fits(record) or steps.DELETE.fits(record):
            attempts[record.method, record.path] += 1
    most = max(attempts.values(), default=0)
    world.figures["most attempts at one step of one image"] = most
    if most > MOST_ATTEMPTS:
        world.complaints.append(f"retry storm: {most} requests, {attempts.most_common(1)}")
    predicted = take(world.buckets, world.warehouse).predicted
    for put in world.ledger.puts:
        for row in predicted.get(put.upload_id, []):
            early = deleted_too_early(records, put.ref.name, put.ref.generation, row["prediction_id"])
            world.complaints += [early] if early else []


SCENARIO = Scenario("failing_services", "429, 500, 503, resets, stalls, cut answers, refused rows", play)
