"""A local cloud of its own in a folder, the ledger of what was put into it, and its state."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

from shared.adapters.bigquery import BigQuery
from shared.emulators.faults.record import Record, in_order
from shared.local.cloud import DATASET, PROJECT
from shared.local.processes import sweep_command
from tests.system.chaos.eventually import NothingCame, eventually
from tests.system.chaos.ledger import Ledger
from tests.system.chaos.processes import Processes
from tests.system.chaos.snapshot import take
from tests.system.chaos.steps import Step
from tests.system.chaos.stores import Buckets
from tests.system.chaos.verdict import judge
from tests.system.chaos.wire import Wire

DEADLINE_S = 4
IMPATIENT = {
    "STORAGE_DEADLINE_S": str(DEADLINE_S),
    "WAREHOUSE_DEADLINE_S": str(DEADLINE_S),
    "ATTEMPT_TIMEOUT_S": str(5 * DEADLINE_S + 1),
}
"""The deadline of the functions; short, so that outages show within a run."""
SWEEP_AGE_S = 1
QUIET_S = 1.5
"""The store sends its events a moment after it answered an upload."""


class World(Processes):
    """A running cloud, and the tools of a scenario.

    Args:
        folder: for its data and logs.
        seed: of everything random.
        duplicates: the share of events that the relay delivers twice.
        settings: of the functions, in addition to those of every local cloud.
    """

    def __init__(
        self, folder: Path, seed: int, duplicates: float = 0.0, settings: Mapping[str, str] = IMPATIENT
    ) -> None:
        super().__init__(folder, duplicates, settings)
        self.random = random.Random(seed)
        self.ledger = Ledger()
        self.complaints: list[str] = []
        self.figures: dict[str, float | str] = {}
        self._sweeps: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start the cloud, and connect to it."""
        super().start()
        self.buckets = Buckets(self.cloud.url("storage"), self.ledger)
        self.warehouse = BigQuery(PROJECT, DATASET, 60, endpoint=self.cloud.url("warehouse"))
        self.storage = Wire(self.cloud.url("storage"))
        self.tables = Wire(self.cloud.url("warehouse"))

    def stop(self) -> None:
        """Stop every part, sweeps too."""
        for sweep in self._sweeps:
            if sweep.poll() is None:
                sweep.terminate()
                sweep.wait()
        super().stop()

    @contextmanager
    def no_events(self) -> Iterator[None]:
        """Lose the events of what is uploaded in the block."""
        self._lose(1.0)
        yield
        eventually(lambda: not self._unannounced(), "the store did not send its events")
        self._lose(0.0)

    def _lose(self, share: float) -> None:
        self.wait_ready("relay", "storage")
        requests.put(f"{self.cloud.url('relay')}/disorder", json={"lost": share}, timeout=10).raise_for_status()

    def _unannounced(self) -> int:
        answer = requests.get(f"{self.cloud.url('storage')}/_bucketlens/status", timeout=10)
        return int(answer.json()["unannounced"])

    def calm(self) -> None:
        """Remove every fault."""
        self.wait_ready()
        self.storage.clear()
        self.tables.clear()

    def settle(self, timeout_s: float = 120) -> None:
        """Wait until no event is left to deliver."""
        self.wait_ready()
        quiet_since = time.monotonic()
        give_up_at = quiet_since + timeout_s
        while time.monotonic() - quiet_since < QUIET_S:
            if time.monotonic() > give_up_at:
                raise NothingCame(f"events were still undelivered after {timeout_s:.0f} s: {self.relay_status()}")
            if self.relay_status()["pending"]:
                quiet_since = time.monotonic()
            elif not self.buckets.waiting():
                return
            time.sleep(0.1)

    def relay_status(self) -> dict[str, float]:
        """Return what the relay reports of its queue."""
        status: dict[str, float] = requests.get(f"{self.cloud.url('relay')}/status", timeout=10).json()
        return status

    def start_sweep(self, index: int = 0, count: int = 1) -> subprocess.Popen[bytes]:
        """Start the sweep as Cloud Run jobs start a task."""
        command, environment = sweep_command(self.cloud, SWEEP_AGE_S)
        environment |= {"CLOUD_RUN_TASK_INDEX": str(index), "CLOUD_RUN_TASK_COUNT": str(count), "LOG_FORMAT": "text"}
        with self.cloud.log_file("classify_backlog").open("ab") as log:
            sweep = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._sweeps.append(sweep)
        return sweep

    def kill_sweep(self, when: Callable[[], bool]) -> None:
        """Start a sweep over what is old enough, and SIGKILL it once a condition holds.

        Raises:
            NothingCame: the sweep ended before that.
        """
        time.sleep(SWEEP_AGE_S + 0.1)
        sweep = self.start_sweep()
        eventually(lambda: when() or sweep.poll() is not None, "the sweep did not get that far", 60)
        if sweep.poll() is not None:
            raise NothingCame(f"the sweep ended ({sweep.returncode}) before it could be killed")
        sweep.kill()
        sweep.wait()
        self.kills += 1

    def sweep(self, timeout_s: float = 60) -> None:
        """Sweep at least once, and again while something is left: a sweep passes over uploads of the last second."""
        give_up_at = time.monotonic() + timeout_s
        while time.monotonic() < give_up_at:
            time.sleep(SWEEP_AGE_S + 0.1)
            self.start_sweep().wait(120)
            if not self.buckets.waiting():
                return

    def check_now(self, when: str) -> None:
        """Check whether anything is lost or doubled already; an image may still be on its way."""
        snapshot = take(self.buckets, self.warehouse)
        verdict = judge(self.ledger, snapshot, keeps_versions=self.buckets.keep_versions, at_rest=False)
        self.complaints += [f"{when}: {complaint}" for complaint in verdict.complaints]

    def wire_of(self, step: Step) -> Wire:
        """Return the service at which a step can be held."""
        return self.tables if step.at_the_warehouse else self.storage

    def records(self) -> list[Record]:
        """Return the recorded requests of both services, in the order of arrival."""
        return in_order(self.storage.records(), self.tables.records())

    @property
    def faults(self) -> int:
        """Number of requests that met a fault."""
        return self.storage.struck + self.tables.struck


@contextmanager
def open_world(folder: Path, seed: int, duplicates: float, settings: Mapping[str, str]) -> Iterator[World]:
    """Run a cloud for the length of the block."""
    world = World(folder, seed, duplicates, settings)
    try:
        world.start()
        yield world
    finally:
        world.stop()
