"""SIGTERM while images are in flight: the process exits in time, and what it could not finish is delivered again."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from tests.system.chaos import steps
from tests.system.chaos.callers import Callers
from tests.system.chaos.eventually import eventually
from tests.system.chaos.pictures import File, picture
from tests.system.chaos.processes import lives
from tests.system.chaos.run import Scenario
from tests.system.chaos.world import World

WITHIN_S = 8.0
"""Cloud Run sends SIGKILL 10 s after SIGTERM."""
IN_FLIGHT = 4
SHORT_S, LONG_S = 2.0, 25.0
"""How long a request is held: less, and much more, than the function may take to exit."""


def play(world: World, images: int) -> None:
    """Stop each function while requests are held that it can wait for, and while some are that it cannot."""
    for index, hold_s in enumerate((SHORT_S, LONG_S)):
        files = [picture(10 * index + seed, "shutdown") for seed in range(2 * IN_FLIGHT)]
        _end_with_events(world, files[:IN_FLIGHT], hold_s)
        _end_with_callers(world, files[IN_FLIGHT:], hold_s)


def _end_with_events(world: World, files: list[File], hold_s: float) -> None:
    """Check that work in flight is finished, or its event delivered again."""
    world.storage.hold(steps.READ, count=IN_FLIGHT, seconds=hold_s)
    world.buckets.put_all(files)
    world.storage.held(IN_FLIGHT)
    _end(world, "classify_upload", hold_s)
    world.storage.clear()
    world.check_now(f"after SIGTERM with reads held for {hold_s} s")
    world.settle()


def _end_with_callers(world: World, files: list[File], hold_s: float) -> None:
    """Check that callers who can be answered in time are, and that the others do not get 200."""
    callers = Callers(world.cloud.url("classify_request"), world.ledger)
    world.storage.hold(steps.ARCHIVE, count=IN_FLIGHT, seconds=hold_s)
    with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="caller") as pool:
        pending = [pool.submit(callers.post, file) for file in files]
        world.storage.held(IN_FLIGHT)
        _end(world, "classify_request", hold_s)
        world.storage.clear()
        statuses = [answer.result().status for answer in pending]
    if hold_s == SHORT_S and set(statuses) != {200}:
        world.complaints.append(f"callers who could have been answered in {hold_s} s got {statuses}")
    world.wait_ready("classify_request")
    callers.ask(files)


def _end(world: World, part: str, hold_s: float) -> None:
    """Send SIGTERM, as Cloud Run does, to the first process, and wait until it has exited."""
    process = world.process(part)
    with world.nothing_restarts():
        started = time.monotonic()
        process.terminate()
        eventually(lambda: not lives(process), f"{part} did not end", 30)
        took_s = time.monotonic() - started
    world.figures[f"{part} ended, held {hold_s:.0f} s"] = f"{took_s:.1f} s"
    if took_s > WITHIN_S:
        world.complaints.append(f"{part} took {took_s:.1f} s to end, expected at most {WITHIN_S} s")


SCENARIO = Scenario("shutdown", "SIGTERM while images are in flight", play, settings={})
