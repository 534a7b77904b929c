"""The sweep dies in the middle and starts again; sweeps run in parallel with each other and with live events."""

from __future__ import annotations

from tests.system.chaos import steps
from tests.system.chaos.eventually import eventually
from tests.system.chaos.pictures import mixed
from tests.system.chaos.run import Scenario
from tests.system.chaos.world import World

SHARE = 5
"""One in so many of the run's images waits for the sweep."""
KILLS = 3
SLOW_S = 0.2
"""How much longer a write to the archive takes, so that a sweep can be caught in the middle."""


def play_killed(world: World, images: int) -> None:
    """Kill the sweep after it has done a part of the backlog, repeatedly; the last sweep may finish."""
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


def play_in_parallel(world: World, images: int) -> None:
    """Start a sweep as one task and another as two, in parallel, while new uploads and their events arrive."""
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
IN_PARALLEL = Scenario("sweeps_beside", "three sweeps at once, beside live events", play_in_parallel)
