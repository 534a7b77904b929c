"""The processes of one local cloud: started, killed, and started again by the product's own supervisor."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import requests

from shared.local.cloud import Cloud, process_of
from shared.local.processes import parts_of
from shared.local.supervisor import Supervisor
from shared.settings import DEFAULT_BUNDLE
from tests.system.chaos.eventually import eventually
from tests.system.chaos.ports import own_ports

PARTS = ("classify_upload", "classify_request", "relay", "storage", "warehouse")
RESTART_PAUSE_S = 0.3


class Processes:
    """A cloud's parts.

    Args:
        folder: of its data and logs.
        duplicates: the share of events that the relay delivers twice.
        settings: of the functions, in addition to those of every local cloud.
    """

    def __init__(self, folder: Path, duplicates: float, settings: Mapping[str, str]) -> None:
        (folder / "logs").mkdir(parents=True)
        self.cloud = Cloud(folder.resolve(), own_ports(), os.getpid(), DEFAULT_BUNDLE, settings=dict(settings))
        self.kills = 0
        self._supervisor = Supervisor(self.cloud, lambda _: None, duplicates, 0, RESTART_PAUSE_S)
        self._ready_urls = {part.name: part.ready_url for part in parts_of(self.cloud)}
        self._ends = threading.Event()
        self._may_restart = threading.Lock()
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)

    def start(self) -> None:
        """Start every part, and restart the parts that die from then on.

        Raises:
            PartFailed: one is not ready in time.
        """
        self._supervisor.start()
        self._watcher.start()

    def stop(self) -> None:
        """Stop every part."""
        self._ends.set()
        if self._watcher.is_alive():
            self._watcher.join()
        self._supervisor.stop()

    def kill(self, *parts: str, only_workers: bool = False) -> None:
        """SIGKILL parts, and return when their processes are gone.

        Args:
            parts: names of ``PARTS``.
            only_workers: spare the process that was started, and kill its children; it starts them again itself.
        """
        victims = [victim for part in parts for victim in self._family(part)[int(only_workers) :]]
        for victim in victims:
            victim.kill()
        self.kills += len(parts)
        eventually(lambda: not any(lives(victim) for victim in victims), f"{parts} survived SIGKILL", 10)

    def wait_ready(self, *parts: str) -> None:
        """Return when parts answer as ready; all of them if none is named."""
        for part in parts or PARTS:
            eventually(lambda part=part: self._is_ready(part), f"{part} was not ready")  # type: ignore[misc]

    @contextmanager
    def nothing_restarts(self) -> Iterator[None]:
        """Restart no part that dies in the block."""
        with self._may_restart:
            yield

    def process(self, part: str) -> psutil.Process:
        """Return the process that was started for a part."""
        return self._family(part)[0]

    def _family(self, part: str) -> list[psutil.Process]:
        first: psutil.Process = eventually(
            lambda: (known := self.cloud.children.get(part)) and process_of(known), f"{part} did not run"
        )
        return [first, *first.children(recursive=True)]

    def _is_ready(self, part: str) -> bool:
        try:
            return requests.get(self._ready_urls[part], timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def _watch(self) -> None:
        while not self._ends.wait(0.1):
            with self._may_restart:
                self._supervisor.watch()


def lives(process: psutil.Process) -> bool:
    """Return whether a process has not ended."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
