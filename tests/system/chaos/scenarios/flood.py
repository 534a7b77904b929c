"""More images than the rate limit admits: the function reports it, and leaves the refused uploads to the sweep."""

from __future__ import annotations

from tests.system.chaos import steps
from tests.system.chaos.callers import Callers
from tests.system.chaos.pictures import picture
from tests.system.chaos.run import Scenario
from tests.system.chaos.world import IMPATIENT, World

A_MINUTE = 10
TOO_MANY = 6
WINDOW_S = 60
LOGGED = "over_rate: gs://"


def play(world: World, images: int) -> None:
    """Upload and post more than the rate limit admits; each function counts for itself."""
    world.buckets.put_all(picture(seed, "flood") for seed in range(A_MINUTE + TOO_MANY))
    world.settle()
    reads = sum(steps.READ.fits(record) for record in world.storage.records())
    left = len(world.buckets.waiting())
    if (reads, left) != (A_MINUTE, TOO_MANY):
        world.complaints.append(f"{reads} uploads were read and {left} left, expected {A_MINUTE} and {TOO_MANY}")
    reports = world.cloud.log_file("classify_upload").read_text("utf-8").count(LOGGED)
    if reports != TOO_MANY:
        world.complaints.append(f"the function logged {reports} times that it left an upload, expected {TOO_MANY}")
    world.figures["left to the sweep"] = left
    _call(world)


def _call(world: World) -> None:
    callers = Callers(world.cloud.url("classify_request"), world.ledger)
    answers = [callers.post(picture(seed, "asked")) for seed in range(1000, 1000 + A_MINUTE + TOO_MANY)]
    world.complaints += callers.complaints
    statuses = [answer.status for answer in answers]
    if statuses != [200] * A_MINUTE + [429] * TOO_MANY:
        world.complaints.append(f"callers got {statuses}")
    waits_s = {int(answer.retry_after or 0) for answer in answers[A_MINUTE:]}
    if not waits_s <= set(range(1, WINDOW_S + 1)):
        world.complaints.append(f"callers got Retry-After of {waits_s} s,  expected 1 to {WINDOW_S}")


SCENARIO = Scenario(
    "flood",
    "more images than the rate breaker lets through",
    play,
    settings={**IMPATIENT, "MAX_IMAGES_PER_MINUTE": str(A_MINUTE)},
)
