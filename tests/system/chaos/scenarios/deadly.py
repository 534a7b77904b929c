"""A picture that kills the process that reads it: it must not be tried without a limit."""

from __future__ import annotations

import time

from shared.emulators.faults.record import HELD
from tests.system.chaos import steps
from tests.system.chaos.eventually import NothingCame
from tests.system.chaos.pictures import picture
from tests.system.chaos.run import Scenario
from tests.system.chaos.world import World

TIMEOUT_S = 60
MOST_DEATHS = 2
"""The third attempt must quarantine it unread."""
DEADLINE_S = 2
SETTINGS = {
    "STORAGE_DEADLINE_S": str(DEADLINE_S),
    "WAREHOUSE_DEADLINE_S": str(DEADLINE_S),
    "ATTEMPT_TIMEOUT_S": str(5 * DEADLINE_S + 1),
}
"""As short as possible: a sweep that began within this time could still be running."""


def play(world: World, images: int) -> None:
    """Kill every sweep that reads one picture; the pictures next to it must still be classified."""
    deadly = picture(0, "deadly")
    with world.no_events():
        put = world.buckets.put_over(deadly)
        world.buckets.put_all(picture(seed, "harmless") for seed in range(1, 9))
    deaths = 0
    give_up_at = time.monotonic() + TIMEOUT_S
    while put.ref in world.buckets.waiting() and deaths <= MOST_DEATHS and time.monotonic() < give_up_at:
        deaths += _reads(world, deadly.name)
        world.check_now("after a sweep had died")
    world.figures["deaths"] = deaths
    if deaths > MOST_DEATHS:
        world.complaints.append(f"{deadly.name} was read again after it had killed {MOST_DEATHS} sweeps")


def _reads(world: World, name: str) -> bool:
    """Start a sweep, and kill it as soon as it reads an object; return whether it did."""
    world.storage.hold(steps.READ, name)
    try:
        world.kill_sweep(lambda: any(record.state == HELD for record in world.storage.records()))
    except NothingCame:
        return False
    finally:
        world.storage.clear()
    return True


SCENARIO = Scenario("deadly", "a picture that kills every process that reads it", play, settings=SETTINGS)
