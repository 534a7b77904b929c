"""A policy of the organisation forbids new objects: Cloud Storage answers 412, as it does for an existing object."""

from __future__ import annotations

from tests.system.chaos import steps
from tests.system.chaos.eventually import eventually
from tests.system.chaos.pictures import bad_file, picture
from tests.system.chaos.run import Scenario
from tests.system.chaos.world import World

EACH = 4


def play(world: World, images: int) -> None:
    """Refuse every write into archive and quarantine while pictures and bad files come; then allow them again."""
    for step in (steps.ARCHIVE, steps.QUARANTINE):
        world.storage.set(method=step.method, path=step.path(), status=412, reason="conditionNotMet")
    for seed in range(EACH):
        world.buckets.put(picture(seed, "policy"))
        world.buckets.put(bad_file(12 * seed, "policy-bad"))
    eventually(lambda: world.storage.struck >= 2 * EACH, "not every file was worked on while writes were refused")
    world.check_now("while a policy refused every write")
    world.figures["writes refused"] = world.storage.struck


SCENARIO = Scenario("refused_by_policy", "a 412 that is not an existing object", play)
