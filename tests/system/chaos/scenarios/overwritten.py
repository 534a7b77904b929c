"""An object is overwritten before, while and after it is read; one picture is uploaded under many names."""

from __future__ import annotations

import itertools

from tests.system.chaos import steps
from tests.system.chaos.eventually import eventually
from tests.system.chaos.ledger import Put
from tests.system.chaos.pictures import File, picture
from tests.system.chaos.run import Scenario
from tests.system.chaos.world import World

OFTEN = 20
"""How often one name is overwritten without a pause."""
TIMEOUT_S = 30
MANY_IMAGES = 100


def play_overwritten(world: World, images: int) -> None:
    """Overwrite at each step of the first generation, and while the second one may not be read yet."""
    moments = list(itertools.product(steps.OF_A_PICTURE, (False, True)))
    if images < MANY_IMAGES:
        moments = [(steps.READ, False), (steps.READ, True), (steps.DELETE, False)]
    for seed, (step, after) in enumerate(moments):
        _overwrite_at(world, step, after=after, seed=2 * seed)
    for seed in range(OFTEN):
        world.buckets.put_over(_named("overwritten/often.jpg", 4 * seed + 1000))
    world.figures["overwritten"] = len(moments) + OFTEN - 1


def _overwrite_at(world: World, step: steps.Step, *, after: bool, seed: int) -> None:
    """Hold the first generation at a step; keep the second one from being read until the first is done."""
    name = f"overwritten/{step.name}-{'after' if after else 'before'}.jpg"
    wire = world.wire_of(step)
    number = wire.hold(step, name, after=after)
    first = world.buckets.put_over(_named(name, seed + 2000))
    wire.held()
    other_than_first = rf"^(?!.*generation={first.ref.generation}\b).*"
    world.storage.set("status", method=steps.READ.method, path=other_than_first + steps.READ.path(name), status=503)
    second = world.buckets.put_over(_named(name, seed + 2001))
    wire.clear(number)
    _wait_done(world, first)
    world.storage.clear()
    _wait_done(world, second)


def _wait_done(world: World, put: Put) -> None:
    eventually(lambda: put.ref not in world.buckets.waiting(), f"{put.ref} stayed where it was", TIMEOUT_S)


def play_many_names(world: World, images: int) -> None:
    """Upload one picture under many names in parallel; the archive holds it once, and it is never written again."""
    content = picture(1).content
    count = max(12, images // 20)
    world.buckets.put_all(File(f"names/{index}.png", content, is_picture=True) for index in range(count))
    world.settle()
    resting = world.buckets.resting()
    world.buckets.put_all(File(f"more/{index}.png", content, is_picture=True) for index in range(count))
    world.settle()
    if len(resting) != 1:
        world.complaints.append(f"doubled: one picture is in the archive {len(resting)} times")
    if world.buckets.resting() != resting:
        world.complaints.append("doubled: an archived picture was written again")


def _named(name: str, seed: int) -> File:
    return File(name, picture(seed).content, is_picture=True)


OVERWRITTEN = Scenario("overwritten", "overwrite an object before, while and after it is read", play_overwritten)
MANY_NAMES = Scenario("many_names", "one picture under many names", play_many_names)
