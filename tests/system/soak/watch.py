"""Watch memory and open files of a cloud's processes over time, and find out whether they grow."""

from __future__ import annotations

import statistics
import threading
from dataclasses import dataclass, field

import psutil

from tests.system.chaos.processes import PARTS
from tests.system.chaos.world import World

EVERY_S = 2.0
JUDGED = ("classify_upload", "classify_request")
"""The functions, which are the product's own in production; the other parts hold what was put into them."""
MOST_MIB, MOST_FILES = 24.0, 8
"""Growth from the first third of the time to the last that may be chance."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Medians over the first and the last third of a soak."""

    part: str
    first_mib: float
    last_mib: float
    first_files: float
    last_files: float

    def __str__(self) -> str:
        files = f"{self.first_files:.0f} → {self.last_files:.0f} open files"
        return f"{self.first_mib:.0f} → {self.last_mib:.0f} MiB, {files}"

    @property
    def complaint(self) -> str | None:
        """Return what grew and may not, or None."""
        mib, files = self.last_mib - self.first_mib, self.last_files - self.first_files
        if self.part in JUDGED and (mib > MOST_MIB or files > MOST_FILES):
            return f"{self.part} grew by {mib:.0f} MiB and {files:.0f} open files"
        return None


@dataclass
class Watch:
    """Samples the processes of a world, from ``start`` to ``stop``."""

    world: World
    _samples: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    _ends: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to sample."""
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> list[Growth]:
        """Stop, and return the growth of each part."""
        self._ends.set()
        if self._thread:
            self._thread.join()
        return [_growth(part, samples) for part, samples in self._samples.items() if len(samples) >= 3]

    def _run(self) -> None:
        while not self._ends.wait(EVERY_S):
            for part in PARTS:
                if sample := _sample(self.world, part):
                    self._samples.setdefault(part, []).append(sample)


def _sample(world: World, part: str) -> tuple[float, int] | None:
    """Return resident MiB and open files of a part's processes together; None while one starts or exits."""
    try:
        first = world.process(part)
        family = [first, *first.children(recursive=True)]
        return sum(process.memory_info().rss for process in family) / 2**20, sum(
            process.num_fds() for process in family
        )
    except psutil.Error:
        return None


def _growth(part: str, samples: list[tuple[float, int]]) -> Growth:
    third = len(samples) // 3
    first, last = samples[:third], samples[-third:]
    medians = [statistics.median(sample[column] for sample in third) for column in (0, 1) for third in (first, last)]
    return Growth(part, *medians)
