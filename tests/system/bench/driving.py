"""Child processes that measure: the load generator against a server, and the limit in a process for each core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shared.local.processes import ROOT
from tests.system.bench.field import BUNDLE
from tests.system.bench.load import Measured, Plan

PROGRAM = Path(__file__).with_name("bare_loop.py")
WEIGH_EVERY_S = 0.25


class Failed(Exception):
    """A measurement did not end, or a status other than 200 was answered."""


def load(plan: Plan) -> Measured:
    """Run the generator in a process of its own.

    Raises:
        Failed: a connection broke, or an answer was not 200.
    """
    command = (sys.executable, "-m", "tests.system.bench.load")
    done = subprocess.run(command, input=json.dumps(asdict(plan)), cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"the load generator ended: {done.stderr.strip()[-500:]}")
    answer = json.loads(done.stdout)
    statuses = {int(status): count for status, count in answer.pop("statuses").items()}
    if set(statuses) != {200}:
        raise Failed(f"answers by status with {plan.clients} clients: {statuses}, expected 200 only")
    return Measured(statuses=statuses, **answer)


def highest(weigh: Callable[[], float], work: Callable[[], object]) -> float:
    """Return the highest weight that was measured while ``work`` ran."""
    seen, done = [weigh()], threading.Event()

    def look() -> None:
        while not done.wait(WEIGH_EVERY_S):
            seen.append(weigh())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        work()
    finally:
        done.set()
        thread.join()
    return max(seen)


def percentile(values: Sequence[float], share: float) -> float:
    """Return a percentile, interpolated."""
    return float(np.percentile(values, share))


@dataclass(frozen=True)
class Limit:
    """Processes that classify in a loop, one a core; used in a ``with`` block."""

    processes: tuple[subprocess.Popen[str], ...]

    @classmethod
    def start(cls, python: Path, environment: Mapping[str, str], count: int) -> Limit:
        """Start the processes."""
        command = (str(python), str(PROGRAM), str(BUNDLE))
        return cls(tuple(_spawn(command, environment) for _ in range(count)))

    def __enter__(self) -> Limit:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()

    def run(self, pictures: Sequence[Path], seconds: float, *, least: int = 1, count: int = 1) -> list[dict[str, Any]]:
        """Classify pictures in turn in ``count`` processes at the same time; return what each measured."""
        request = json.dumps({"pictures": [str(path) for path in pictures], "seconds": seconds, "least": least})
        chosen = self.processes[:count]
        for process in chosen:
            with suppress(BrokenPipeError):
                _pipe(process.stdin).write(f"{request}\n")
                _pipe(process.stdin).flush()
        lines = [_pipe(process.stdout).readline() for process in chosen]
        if not all(lines):
            raise Failed(
                "the limit ended before it had measured; run tests/system/bench/bare_loop.py by hand to see why"
            )
        return [json.loads(line) for line in lines]


def cold_limit_s(python: Path, environment: Mapping[str, str], picture: Path) -> float:
    """Return the seconds from ``exec`` to the first label."""
    started = time.perf_counter()
    with Limit.start(python, environment, 1) as limit:
        limit.run([picture], 0)
        return time.perf_counter() - started


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _spawn(command: tuple[str, ...], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def _pipe(stream: Any) -> Any:
    assert stream is not None
    return stream
