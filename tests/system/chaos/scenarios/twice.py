"""Every event comes twice and out of order; copies of one event come at the same instant."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.system.chaos import steps
from tests.system.chaos.events import event_of, post_in_parallel
from tests.system.chaos.ledger import Put
from tests.system.chaos.pictures import bad_file, mixed, picture
from tests.system.chaos.run import Scenario
from tests.system.chaos.world import World

SHARE = 4
"""One in so many of the run's images."""
COPIES = 3


def play_twice(world: World, images: int) -> None:
    """Deliver everything twice by the relay, and once more by hand, newest first, while that goes on."""
    world.buckets.put_all(mixed(images // SHARE, "twice"))
    again = [event_of(put.ref, len(put.file.content)) for put in reversed(world.ledger.puts)]
    world.random.shuffle(again)
    url = world.cloud.url("classify_upload")
    refused = [status for status in post_in_parallel(url, again) if status != 200]
    world.settle()
    refused += [status for status in post_in_parallel(url, again) if status != 200]
    world.complaints += [f"an event that came again was answered {status}" for status in refused]
    world.figures["deliveries"] = world.relay_status()["delivered"] + 2 * len(again)


def play_same_instant(world: World, images: int) -> None:
    """Bring copies of one event to the same step before any of them may continue; repeat that for each step."""
    files = [(picture(seed, "at_once"), step) for seed, step in enumerate(steps.OF_A_PICTURE)]
    files += [(bad_file(seed, "at_once"), step) for seed, step in enumerate(steps.OF_A_BAD_FILE)]
    with world.no_events():
        puts = [world.buckets.put_over(file) for file, _ in files]
    for put, (_, step) in zip(puts, files, strict=True):
        statuses = _together(world, put, step)
        if set(statuses) != {200}:
            world.complaints.append(f"copies of one event, together at {step.name}, were answered {statuses}")
    world.figures["at the same instant"] = COPIES * len(files)


def _together(world: World, put: Put, step: steps.Step) -> list[int]:
    """Post copies of one event, and hold each at a step until all of them are there; return their statuses."""
    wire = world.wire_of(step)
    wire.hold(step, put.ref.name, count=COPIES)
    event = event_of(put.ref, len(put.file.content))
    with ThreadPoolExecutor(1, thread_name_prefix="together") as aside:
        posted = aside.submit(post_in_parallel, world.cloud.url("classify_upload"), [event] * COPIES, COPIES)
        try:
            wire.held(COPIES)
        finally:
            wire.clear()
        return posted.result()


TWICE = Scenario("twice", "every event twice and out of order", play_twice, duplicates=1.0)
SAME_INSTANT = Scenario("at_once", "copies of one event at the same step at the same instant", play_same_instant)
