"""Results of one run of the benchmark, and how they are kept: JSON for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.system.bench.field import OURS, PROGRAMS
from tests.system.bench.figures import Figure, Goal
from tests.system.chaos.machine import machine

REPORTED = {
    OURS.requirements: ("ai-edge-litert", "pillow", "numpy", "gunicorn", "functions-framework"),
    PROGRAMS / "fastapi_keras.txt": ("tensorflow-cpu", "fastapi", "uvicorn"),
    PROGRAMS / "litserve_keras.txt": ("litserve",),
    PROGRAMS / "bentoml_keras.txt": ("bentoml",),
    PROGRAMS / "mlserver_keras.txt": ("mlserver",),
}
"""Packages whose versions are reported, by the lock file that pins them."""


@dataclass
class Results:
    """Figures and goals, with the command, date and machine of the run."""

    command: str
    rounds: int
    figures: list[Figure] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    """By contestant or part, why it was not measured."""
    unjudged: list[str] = field(default_factory=list)
    """Goals whose figures are missing."""
    seconds: float = 0.0
    growth: str = ""
    """How cost grows, in Markdown."""
    machine: str = field(default_factory=machine)
    date: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))

    @property
    def exit_code(self) -> int:
        """2 where something could not be run, 1 where a goal does not hold, else 0."""
        if self.failures or self.unjudged:
            return 2
        return 0 if all(goal.holds for goal in self.goals) else 1

    def figure(self, contestant: str, what: str) -> Figure | None:
        """Return a figure, or None if it was not measured."""
        return next((figure for figure in self.figures if (figure.who, figure.what) == (contestant, what)), None)

    def contestants(self, what: Sequence[str]) -> list[str]:
        """Return the contestants that have a figure of one of these kinds, in the order of the run."""
        return list(dict.fromkeys(figure.who for figure in self.figures if figure.what in what))

    def as_json(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        goals = [
            {**asdict(goal), "ratio": goal.ratio, "ratios": goal.ratios, "holds": goal.holds} for goal in self.goals
        ]
        return {
            "command": self.command,
            "date": self.date,
            "machine": self.machine,
            "versions": versions(),
            "rounds": self.rounds,
            "seconds": round(self.seconds),
            "failures": self.failures,
            "figures": [asdict(figure) for figure in self.figures],
            "goals": goals,
        }

    def save(self, path: Path) -> None:
        """Write the JSON."""
        path.write_text(json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n", "utf-8")


def versions() -> dict[str, str]:
    """Return the pinned versions of what was measured, by package."""
    pinned = {}
    for lock, packages in REPORTED.items():
        pins = dict(re.findall(r"^([\w-]+)==([^\s;\\]+)", lock.read_text("utf-8"), re.MULTILINE))
        pinned.update({package: pins[package] for package in packages})
    return pinned
