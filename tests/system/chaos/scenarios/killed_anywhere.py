"""The upload function is killed between every pair of its steps.

A step is a request. It is held before the service has carried it out, or after that and before its answer; then the
function is killed. It starts again, and the relay delivers the event once more.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.system.chaos.eventually import eventually
from tests.system.chaos.pictures import File, bad_file, picture
from tests.system.chaos.run import Scenario
from tests.system.chaos.steps import DELETE, OF_A_BAD_FILE, OF_A_PICTURE, RECORD, Step
from tests.system.chaos.world import World

MANY_IMAGES = 100
"""With fewer, the function dies only where most depends on it: around the row."""


class When(StrEnum):
    """How far a request has got when its sender dies."""

    BEFORE = "before"
    """It is never carried out."""
    LATE = "while sending"
    """It is carried out after the sender's death."""
    AFTER = "after"
    """It is carried out, and its answer is lost."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The point at which the function dies."""

    step: Step
    when: When
    is_picture: bool
    only_worker: bool
    """Whether gunicorn's master survives and forks another worker."""

    @property
    def is_around_the_row(self) -> bool:
        """Whether a picture's row is being written, or its upload deleted because it is."""
        is_written = self.step in (RECORD, DELETE) and self.when != When.LATE
        return is_written and self.is_picture and not self.only_worker

    def __str__(self) -> str:
        return f"{'worker' if self.only_worker else 'function'} killed {self.when} {self.step.name}"


def play(world: World, images: int) -> None:
    """Kill at every moment; in a run of few images, before and after the row and the delete."""
    moments = list(_moments())
    if images < MANY_IMAGES:
        moments = [moment for moment in moments if moment.is_around_the_row]
    for seed, moment in enumerate(moments):
        _kill_at(world, moment, picture(seed, "killed") if moment.is_picture else bad_file(seed, "killed"))
    world.figures["moments"] = len(moments)


def _moments() -> Iterator[Moment]:
    for is_picture, of_one in ((True, OF_A_PICTURE), (False, OF_A_BAD_FILE)):
        for step, when in itertools.product(of_one, When):
            yield Moment(step, when, is_picture, only_worker=False)
        for step in of_one:
            yield Moment(step, When.AFTER, is_picture, only_worker=True)


def _kill_at(world: World, moment: Moment, file: File) -> None:
    """Kill at one moment, check immediately whether anything is lost, and wait until the file is where it belongs."""
    wire = world.wire_of(moment.step)
    wire.hold(moment.step, file.name, after=moment.when == When.AFTER, late=moment.when == When.LATE)
    world.buckets.put(file)
    [held] = wire.held()
    with world.nothing_restarts():
        world.kill("classify_upload", only_workers=moment.only_worker)
        wire.clear()
        wire.wait_answered(held.number)
        if moment.step.at_the_warehouse:
            world.kill("warehouse")  # which forgets the row's insertId: the view must count it once
    world.wait_ready("warehouse")
    world.check_now(str(moment))
    eventually(lambda: not world.buckets.waiting(), f"{moment}: the upload stayed where it was")


SCENARIO = Scenario("killed_anywhere", "SIGKILL the upload function between every pair of its steps", play)
