"""A function in a small place: started as the image starts it, probed until it is ready, its memory watched."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests

from shared.settings import inherited_environment
from tests.environments import ROOT
from tests.ports import free_port
from tests.system.image.dockerfile import Cmd, parse
from tests.system.small_places.place import Place

PROBE_S = 0.25
PROBE_TIMEOUT_S = 1.0
"""As infra/function has it."""
START_S = 300.0
"""Never waited for in full, unless something is broken."""
END_S = 60
MOST_CHARACTERS = 4_000


@dataclass
class Served:
    """A function that runs."""

    process: subprocess.Popen[bytes]
    place: Place
    url: str
    log: Path
    ready_s: float = 0.0
    """From its start to its first answer of ready."""
    peak_mib: float = 0.0
    """The most that its processes had in memory together; pages that they share count for each of them."""
    _ends: threading.Event = field(default_factory=threading.Event)

    @property
    def workers(self) -> list[int]:
        """The ids of the processes that answer; another one would say that the first has died."""
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def used_s(self) -> float:
        """Return the CPU seconds that its processes have used so far."""
        return sum(sum(one.cpu_times()[:2]) for one in self._family())

    def said(self) -> str:
        """Return the end of its output."""
        return self.log.read_text("utf-8", "replace")[-MOST_CHARACTERS:]

    def wait_until_ready(self, started_at: float) -> None:
        """Ask as a startup probe does."""
        while not self._is_ready():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() - started_at < START_S, self.said()
            time.sleep(PROBE_S)
        self.ready_s = time.monotonic() - started_at

    def watch(self) -> None:
        """Look at its memory until it ends."""
        while not self._ends.wait(0.1):
            with suppress(psutil.Error):
                self.peak_mib = max(self.peak_mib, sum(one.memory_info().rss for one in self._family()) / 2**20)

    def end(self) -> None:
        """End it, by force if it must be."""
        self._ends.set()
        family = self._family()
        self.process.terminate()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            for one in family:
                with suppress(psutil.Error):
                    one.kill()
            self.process.wait()

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/v2/health/ready", timeout=PROBE_TIMEOUT_S).ok
        except requests.RequestException:
            return False

    def _family(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        return []


@contextmanager
def served(place: Place, function: str, settings: Mapping[str, str], folder: Path) -> Iterator[Served]:
    """Serve a function in a place for the length of the block; it is ready when the block begins.

    Args:
        place: what limits it.
        function: such as ``classify_request``.
        settings: of the function.
        folder: for its output.
    """
    port = free_port()
    given = {"FUNCTION_TARGET": function, "HOST": "127.0.0.1", "PORT": str(port), "LOG_FORMAT": "json"}
    environment = inherited_environment({"PYTHONPATH": str(ROOT), **settings, **given})
    started_at = time.monotonic()
    log = folder / f"{function}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            place.command(_command()), env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    place.watch(process.pid)
    one = Served(process, place, f"http://127.0.0.1:{port}", log)
    watch = threading.Thread(target=one.watch, name="watch", daemon=True)
    watch.start()
    try:
        one.wait_until_ready(started_at)
        yield one
    finally:
        one.end()
        watch.join()


def _command() -> list[str]:
    """Return what the image ``serving`` starts, with the Python that runs."""
    stage = parse((ROOT / "functions" / "Dockerfile").read_text("utf-8")).stage("serving")
    [words] = [step.words for step in stage.instructions if isinstance(step, Cmd)]
    assert words[0] == "python"
    return [sys.executable, *words[1:]]
