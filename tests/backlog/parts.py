"""Shared parts of sweep tests: sweeps as processes, and faults in front of their object store."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.backlog.attempts import FOLDER, POSTPONED, Attempts
from shared.backlog.sweep import Sweep
from shared.types import EPOCH, Call, ObjectRef, Source
from tests.emulators.fault_client import FaultControl
from tests.worlds import World

ROOT = Path(__file__).parents[2]
MAIN = ROOT / "functions" / "classify_backlog" / "main.py"
TIMEOUT_S = 300
WAIT_S = 60
AGE_S = 1


@contextmanager
def faults_of(world: World) -> Iterator[FaultControl]:
    """Provide the control of faults in front of the world's object store; the block's end clears them."""
    control = FaultControl(world.environment["STORAGE_EMULATOR_HOST"])
    try:
        yield control
    finally:
        control.forget()


def stall(faults: FaultControl, world: World, name: str) -> int:
    """Stall every read of an object for longer than any test; return the fault's number."""
    return faults.set(method="GET", path=rf"/{world.uploads}/o/{name}\?.*alt=media", kind="stall", seconds=300)


def attempts_of(world: World, timeout_s: float = TIMEOUT_S) -> Attempts:
    """Return the attempt markers of a process."""
    return Attempts(world.store, world.quarantine, timeout_s, {})


def sweep_of(world: World, timeout_s: float = TIMEOUT_S, **options: Any) -> Sweep:
    """Return a sweep in this process."""

    def call() -> Call:
        return Call(Source.BACKLOG, datetime.now(UTC), service="test", revision="test-1", instance="here")

    return Sweep(world.pipeline, attempts_of(world, timeout_s), call, **{"threads": 2, **options})


def before_each_read(world: World, act: Callable[[ObjectRef], None]) -> World:
    """Return the same world with a function that is called before each read of an upload."""

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.store, name)

        def read(self, ref: ObjectRef, max_bytes: int) -> bytes:
            act(ref)
            return world.store.read(ref, max_bytes)

    return replace(world, pipeline=replace(world.pipeline, store=Watched()))


def put(world: World, folder: Path, **contents: bytes) -> dict[str, ObjectRef]:
    """Upload files; return the objects by name."""
    refs = {}
    for name, content in contents.items():
        world.put(name, content, folder)
        refs[name] = world.store.find(world.uploads, name).ref
    return refs


def wait_until_left_behind(world: World) -> None:
    """Wait until every upload is old enough for a sweep."""
    newest = max((upload.ref.created_at for upload in world.store.uploads(world.uploads)), default=EPOCH)
    time.sleep(max(0.0, AGE_S - (datetime.now(UTC) - newest).total_seconds()))


def markers(world: World) -> list[str]:
    """Return the names of the attempt markers that exist."""
    names = [marker.ref.name for marker in world.store.uploads(world.quarantine, FOLDER)]
    return [name for name in names if not name.startswith(POSTPONED)]


def quarantined(world: World) -> list[str]:
    """Return the names of the files in quarantine."""
    return [name for name in world.names_in(world.quarantine) if not name.startswith(FOLDER)]


def start_sweep(world: World, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    """Start the sweep as Cloud Run starts a job's task; it processes every upload that exists now."""
    wait_until_left_behind(world)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "BACKLOG_AGE_S": str(AGE_S), **world.environment, **settings}
    command = [sys.executable, str(MAIN), *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of a sweep; return its exit code and its output."""
    out, err = process.communicate(timeout=WAIT_S)
    return process.returncode, out + err


def eventually(condition: Callable[[], Any]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"{condition} did not hold within {WAIT_S} s"
        time.sleep(0.05)
