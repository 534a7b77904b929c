"""The figures of a soak: for people, and for docs/reliability.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.system.chaos.machine import machine
from tests.system.chaos.verdict import Verdict
from tests.system.soak.overload import Overload
from tests.system.soak.traffic import Traffic
from tests.system.soak.watch import Growth

MOST_COMPLAINTS = 10


@dataclass
class Report:
    """The result of a soak, phase by phase."""

    minutes: float
    rate: float
    burst: int
    command: str = ""
    traffic: Traffic | None = None
    growths: list[Growth] = field(default_factory=list)
    overload: Overload = field(default_factory=Overload)
    burst_s: float = 0.0
    rows_after_s: list[float] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def complaints(self) -> list[str]:
        """Return everything that did not hold."""
        grown = [growth.complaint for growth in self.growths if growth.complaint]
        unexpected = self.traffic.complaints if self.traffic else []
        return [*unexpected, *grown, *self.overload.complaints, *self.verdict.complaints]

    @property
    def is_kept(self) -> bool:
        """Whether everything held."""
        return not self.complaints

    def rows(self) -> list[tuple[str, str]]:
        """Return the figures, each with its name."""
        traffic, verdict = self.traffic, self.verdict
        overload = self.overload
        rows = [
            ("steady traffic", f"{self.minutes:g} min, {self.rate:g} uploads and {self.rate:g} requests a second"),
            ("requests by status", _counts(traffic.statuses) if traffic else ""),
            ("request to answer", _percentiles(traffic.answered_s if traffic else [])),
            ("upload to row", _percentiles(self.rows_after_s)),
        ]
        rows += [(growth.part, str(growth)) for growth in self.growths]
        rows += [
            ("overload by status", _counts(overload.statuses)),
            *((f"overload, until {status}", _percentiles(took)) for status, took in sorted(overload.took_s.items())),
            ("probes meanwhile", f"{_counts(overload.probes)}, slowest {1000 * overload.slowest_probe_s:.0f} ms"),
        ]
        if self.burst_s:
            rate = self.burst / self.burst_s
            rows.append(("burst", f"{self.burst:,} uploads done in {self.burst_s:.0f} s, {rate:.0f} a second"))
        rows += [("images in", f"{verdict.images_in:,}"), ("rows out", f"{verdict.rows_out:,}")]
        return [*rows, ("lost", str(verdict.lost)), ("doubled", str(verdict.doubled))]

    def show(self, console: Console) -> None:
        """Print the figures, and what did not hold."""
        table = Table(box=None, show_header=False, pad_edge=False)
        for row in self.rows():
            table.add_row(*row)
        console.print(table)
        for complaint in self.complaints[:MOST_COMPLAINTS]:
            console.print(complaint, style="red", markup=False)
        if (more := len(self.complaints) - MOST_COMPLAINTS) > 0:
            console.print(f"… and {more} more", style="red")
        console.print(self._where(), highlight=False)

    def as_markdown(self) -> str:
        """Return the figures as a table, with the command, date and machine."""
        rows = "\n".join(f"| {name} | {value} |" for name, value in self.rows())
        return f"{self._where()}\n\n| what | measured |\n|---|---|\n{rows}"

    def _where(self) -> str:
        return f"`{self.command}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC ({machine()})."


def _counts(counts: dict[int, int]) -> str:
    return ", ".join(f"{status}: {count:,}" for status, count in sorted(counts.items()))


def _percentiles(seconds: Sequence[float]) -> str:
    if not seconds:
        return "–"
    middle, high, highest = np.percentile(seconds, (50, 95, 99))
    return f"p50 {1000 * middle:.0f} ms, p95 {1000 * high:.0f} ms, p99 {1000 * highest:.0f} ms"
