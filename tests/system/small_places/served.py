"""Serve a function in a small place: started as the image starts it, probed until ready, its memory watched."""

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
from tests.system.small_places.limiter import Limiter

PROBE_S = 0.25
PROBE_TIMEOUT_S = 1.0
"""The timeout in infra/function."""
START_S = 300.0
"""The longest wait for a start; it is reached only if something is broken."""
END_S = 60
MOST_CHARACTERS = 4_000


@dataclass
class Served:
    """A running function."""

    process: subprocess.Popen[bytes]
    limiter: Limiter
    url: str
    log: Path
    ready_s: float = 0.0
    """Seconds from its start to its first answer of ready."""
    peak_mib: float = 0.0
    """The highest memory of its processes together; shared pages count for each of them."""
    _ends: threading.Event = field(default_factory=threading.Event)

    @property
    def workers(self) -> list[int]:
        """The ids of the processes that answer; another id means that the first has died."""
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def used_s(self) -> float:
        """Return the CPU seconds that its processes have used so far."""
        return sum(sum(member.cpu_times()[:2]) for member in self._family())

    def last_output(self) -> str:
        """Return the end of its output."""
        return self.log.read_text("utf-8", "replace")[-MOST_CHARACTERS:]

    def wait_until_ready(self, started_at: float) -> None:
        """Send requests as a startup probe does, until it is ready."""
        while not self._is_ready():
            assert self.process.poll() is None, self.last_output()
            assert time.monotonic() - started_at < START_S, self.last_output()
            time.sleep(PROBE_S)
        self.ready_s = time.monotonic() - started_at

    def watch(self) -> None:
        """Measure its memory until it ends."""
        while not self._ends.wait(0.1):
            with suppress(psutil.Error):
                self.peak_mib = max(self.peak_mib, sum(member.memory_info().rss for member in self._family()) / 2**20)

    def end(self) -> None:
        """Stop it, by force if necessary."""
        self._ends.set()
        family = self._family()
        self.process.terminate()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            for member in family:
                with suppress(psutil.Error):
                    member.kill()
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
def served(limiter: Limiter, function: str, settings: Mapping[str, str], folder: Path) -> Iterator[Served]:
    """Serve a function with limits for the length of the block; it is ready when the block begins.

    Args:
        limiter: what limits it.
        function: such as ``classify_request``.
        settings: of the function.
        folder: for its output.
    """
    port = free_port()
    own_settings = {"FUNCTION_TARGET": function, "HOST": "127.0.0.1", "PORT": str(port), "LOG_FORMAT": "json"}
    environment = inherited_environment({"PYTHONPATH": str(ROOT), **settings, **own_settings})
    started_at = time.monotonic()
    log = folder / f"{function}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            limiter.command(_command()),
            env=environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    limiter.watch(process.pid)
    function_served = Served(process, limiter, f"http://127.0.0.1:{port}", log)
    watch = threading.Thread(target=function_served.watch, name="watch", daemon=True)
    watch.start()
    try:
        function_served.wait_until_ready(started_at)
        yield function_served
    finally:
        function_served.end()
        watch.join()


def _command() -> list[str]:
    """Return the command of the image ``serving``, with this Python."""
    stage = parse((ROOT / "functions" / "Dockerfile").read_text("utf-8")).stage("serving")
    [words] = [step.words for step in stage.instructions if isinstance(step, Cmd)]
    assert words[0] == "python"
    return [sys.executable, *words[1:]]
