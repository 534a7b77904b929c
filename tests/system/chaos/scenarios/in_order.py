"""One image after the other, without faults: which requests it takes, in which order, with which preconditions."""

from __future__ import annotations

from tests.system.chaos import steps
from tests.system.chaos.eventually import eventually
from tests.system.chaos.order import broken_order
from tests.system.chaos.pictures import bad_file, picture
from tests.system.chaos.run import Scenario
from tests.system.chaos.world import World

EACH = 4


def play(world: World, images: int) -> None:
    """Upload pictures and bad files, each when the one before it is done, and read the record."""
    for seed in range(2 * EACH):
        is_picture = seed % 2 == 0
        file = picture(seed, "order") if is_picture else bad_file(12 * seed, "order")
        for wire in (world.storage, world.tables):
            wire.forget()
        world.buckets.put(file)
        eventually(lambda: not world.relay_status()["pending"] and not world.buckets.waiting(), f"{file.name} waited")
        expected = steps.OF_A_PICTURE if is_picture else steps.OF_A_BAD_FILE
        world.complaints += [f"{file.name}: {fault}" for fault in broken_order(world.records(), expected)]


SCENARIO = Scenario("in_order", "the order of the requests on the wire, and their preconditions", play)
