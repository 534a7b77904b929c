"""The function gets events of its own output, and settings that would make it react to them."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from shared.local.cloud import ARCHIVE_BUCKET, QUARANTINE_BUCKET, UPLOAD_BUCKET
from shared.local.processes import parts_of, sweep_command
from tests.system.chaos.events import event_of, post_in_parallel
from tests.system.chaos.pictures import EVERY_BAD, mixed
from tests.system.chaos.run import Scenario
from tests.system.chaos.world import World

REFUSES_WITHIN_S = 30
ERROR = "expected three different buckets"


def play(world: World, images: int) -> None:
    """Post an event for each stored output; then start function and sweep with one bucket in two roles."""
    world.buckets.put_all(mixed(EVERY_BAD, "loops"))
    world.settle()
    _own_output(world)
    for role in ("ARCHIVE_BUCKET", "QUARANTINE_BUCKET"):
        _one_bucket_in_two_roles(world, {role: UPLOAD_BUCKET})
    _one_bucket_in_two_roles(world, {"QUARANTINE_BUCKET": ARCHIVE_BUCKET})


def _own_output(world: World) -> None:
    events = [event_of(ref, 1000) for ref in world.buckets.resting()]
    for wire in (world.storage, world.tables):
        wire.forget()
    statuses = post_in_parallel(world.cloud.url("classify_upload"), events)
    seen = [request for wire in (world.storage, world.tables) for request in wire.records()]
    if set(statuses) != {200}:
        world.complaints.append(f"events of {ARCHIVE_BUCKET} and {QUARANTINE_BUCKET} were answered {statuses}")
    if seen:
        world.complaints.append(f"the function reacted to its own output: {len(seen)} requests, the first {seen[0]}")
    world.figures["events of its own output"] = len(events)


def _one_bucket_in_two_roles(world: World, settings: dict[str, str]) -> None:
    wrong = replace(world.cloud, settings={**world.cloud.settings, **settings})
    function = next(part for part in parts_of(wrong) if part.name == "classify_upload")
    starts = {"classify_upload": (function.command, function.environment | {"PORT": "0"})}
    starts["classify_backlog"] = sweep_command(wrong, 1)
    for name, (command, environment) in starts.items():
        log = world.cloud.log_file(f"{name}-refused")
        code = _exit_code(command, environment, log)
        if not code or ERROR not in log.read_text("utf-8"):
            world.complaints.append(f"{name} started with {settings} ({code=}); see {log.name}")


def _exit_code(command: tuple[str, ...], environment: dict[str, str], log: Path) -> int | None:
    """Return the exit code of a process that ends by itself; None where it has to be stopped."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        return process.wait(REFUSES_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait(REFUSES_WITHIN_S)
        return None


SCENARIO = Scenario("loops", "events of its own output, and buckets in two roles", play)
