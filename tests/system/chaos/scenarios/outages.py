"""The services die one after the other, at random moments, while images are uploaded."""

from __future__ import annotations

import threading

from tests.system.chaos.pictures import mixed
from tests.system.chaos.run import Scenario
from tests.system.chaos.world import World

VICTIMS = ("storage", "relay", "warehouse")
IMAGES_A_KILL = 40
LATEST_S = 0.8
"""The longest time after the start of a batch at which a service dies."""


def play(world: World, images: int) -> None:
    """Upload the images in batches, and kill a service in the middle of each, without waiting until it is back."""
    kills = max(len(VICTIMS), images // IMAGES_A_KILL)
    files = list(mixed(images, "flow"))
    for index in range(kills):
        batch = files[index::kills]
        flowing = threading.Thread(target=world.buckets.put_all, args=(batch,), name="flow")
        flowing.start()
        flowing.join(world.random.uniform(0, LATEST_S))
        world.kill(VICTIMS[index % len(VICTIMS)])
        flowing.join()
    world.check_now("while the services died")


SCENARIO = Scenario("outages", "SIGKILL object store, relay and warehouse while images flow", play)
