"""Run one scenario in a cloud of its own, and judge what it left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import SubprocessError

from google.api_core.exceptions import GoogleAPIError
from requests import RequestException

from shared.errors import BucketlensError
from shared.local.supervisor import PartFailed
from shared.types import Source
from tests.system.chaos.eventually import NothingCame
from tests.system.chaos.order import broken_preconditions
from tests.system.chaos.snapshot import take
from tests.system.chaos.verdict import Verdict, judge
from tests.system.chaos.world import IMPATIENT, World, open_world

UNPLAYABLE = (NothingCame, BucketlensError, GoogleAPIError, RequestException, SubprocessError, OSError)
"""What a scenario gets where the cloud does not come back: a broken promise of its own kind."""
Play = Callable[[World, int], None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario: what is done to a world.

    Attributes:
        name: for the command line.
        sentence: what it does, for people.
        play: takes the world and the number of images of the run.
        duplicates: the share of events that the relay delivers twice.
        settings: of the functions.
    """

    name: str
    sentence: str
    play: Play
    duplicates: float = 0.0
    settings: Mapping[str, str] = field(default_factory=lambda: IMPATIENT)


@dataclass
class Result:
    """The result of a scenario."""

    scenario: Scenario
    verdict: Verdict
    seconds: float = 0.0
    kills: int = 0
    faults: int = 0
    figures: dict[str, float | str] = field(default_factory=dict)

    @property
    def is_kept(self) -> bool:
        """Whether every promise was kept."""
        return not self.verdict.complaints


def run(scenario: Scenario, folder: Path, images: int, seed: int) -> Result:
    """Play a scenario to its end: the events settle, the sweep runs, the promises are checked."""
    started = time.monotonic()
    result = Result(scenario, Verdict())
    try:
        with open_world(folder, seed, scenario.duplicates, scenario.settings) as world:
            try:
                scenario.play(world, images)
            except UNPLAYABLE as error:
                world.complaints.append(f"could not be played to its end: {error}")
            result.verdict = _at_rest(world)
            result.verdict.complaints += [*world.complaints, *broken_preconditions(world.records())]
            result.kills, result.faults, result.figures = world.kills, world.faults, world.figures
    except PartFailed as error:
        result.verdict.complaints.append(f"the cloud did not start: {error}")
    result.seconds = time.monotonic() - started
    return result


def _at_rest(world: World) -> Verdict:
    """Let the events settle, sweep, and judge the result."""
    try:
        world.calm()
        world.settle()
        world.sweep()
        snapshot = take(world.buckets, world.warehouse)
    except UNPLAYABLE as error:
        return Verdict(complaints=[f"did not come to rest: {error}"])
    if by_sweep := sum(row["source"] == Source.BACKLOG for rows in snapshot.predicted.values() for row in rows):
        world.figures["predicted by the sweep"] = by_sweep
    return judge(world.ledger, snapshot, keeps_versions=world.buckets.keep_versions)
