"""The sweep dies in the middle and begins anew; sweeps run beside each other and beside live events."""

from __future__ import annotations

from tests.system.chaos import steps
from tests.system.chaos.patience import eventually
from tests.system.chaos.pictures import mixed
from tests.system.chaos.run import Scenario
from tests.system.chaos.world import World

SHARE = 5
"""One in so many of the run's images waits for the sweep."""
KILLS = 3
SLOW_S = 0.2
"""What writing to the archive takes longer, so that a sweep can be caught in the middle."""


def play_killed(world: World, images: int) -> None:
    """Kill the sweep after it has done a part of what was left, again and again; the last one is let through."""
    files = list(mixed(max(16, images // SHARE), "backlog"))
    with world.no_events():
        world.buckets.put_all(files)
    for _ in range(KILLS):
        left = len(world.buckets.waiting())
        world.storage.hold(steps.ARCHIVE, count=None, seconds=SLOW_S)
        few = world.random.randint(1, max(1, left // (KILLS + 1)))
        world.kill_sweep(lambda left=left, few=few: len(world.buckets.waiting()) <= left - few)  # type: ignore[misc]
        world.storage.clear()
        world.check_now("after the sweep was killed")
    world.figures["left by events"] = len(files)


def play_beside(world: World, images: int) -> None:
    """Start a sweep as one task and another as two, all at the same time, while new uploads and their events come."""
    half = max(8, images // SHARE // 2)
    with world.no_events():
        world.buckets.put_all(mixed(half, "backlog"))
    sweeps = [world.start_sweep(), world.start_sweep(0, 2), world.start_sweep(1, 2)]
    world.buckets.put_all(mixed(half, "live", first_seed=half))
    for sweep in sweeps:
        eventually(lambda sweep=sweep: sweep.poll() is not None, "a sweep did not end", 120)  # type: ignore[misc]
    world.check_now("after three sweeps at once")
    world.figures["left by events"] = half


KILLED = Scenario("sweep_killed", "SIGKILL the sweep in the middle, again and again", play_killed)
BESIDE = Scenario("sweeps_beside", "three sweeps at once, beside live events", play_beside)
