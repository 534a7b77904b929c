"""The figures of a run: for people, and for docs/small-places.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from tests.system.chaos.machine import machine
from tests.system.small_places.size import Size
from tests.system.small_places.work import Answers

COLUMNS = ("asked", "answered", "first", "p50 of the others", "slowest", "memory until then")


@dataclass
class Stay:
    """One function's run in one place."""

    function: str
    how: str
    """Description of the limiter."""
    size: Size | None
    """None without limits."""
    ready_s: float
    ready_mib: float
    ready_cpu_s: float
    answers: list[Answers] = field(default_factory=list)
    used_s: float = 0.0
    wall_s: float = 1.0
    charged_mib: float | None = None
    killed: int = 0
    deaths: int = 0
    """Processes that ended otherwise, and were started again."""
    peak_mib: float = 0.0
    last_output: str = ""
    """The end of the function's log."""

    @property
    def complaints(self) -> list[str]:
        """Return what did not hold."""
        complaints = [f"{self.function}: {answers.complaint}" for answers in self.answers if answers.complaint]
        if self.killed or self.deaths:
            complaints.append(f"{self.function}: {self.killed} processes were killed for memory, {self.deaths} died")
        return complaints

    def sentence(self) -> str:
        """Describe the figures that are not of one kind of request."""
        charged = f" ({self.charged_mib:.0f} MiB charged by the kernel)" if self.charged_mib else ""
        where = f"in {self.size}, by {self.how}" if self.size else "without limits"
        return (
            f"`{self.function}` {where}: ready after {self.ready_s:.1f} s and {self.ready_cpu_s:.2f} CPU seconds, with "
            f"{self.ready_mib:.0f} MiB; {self.used_s / self.wall_s:.3f} CPU used on average over {self.wall_s:.0f} s; "
            f"at most {self.peak_mib:.0f} MiB{charged}; killed for memory: {self.killed}."
        )


@dataclass
class Report:
    """All runs of the functions."""

    command: str
    stays: list[Stay] = field(default_factory=list)

    @property
    def complaints(self) -> list[str]:
        """Return what did not hold, anywhere."""
        return [complaint for stay in self.stays for complaint in stay.complaints]

    def show(self, console: Console) -> None:
        """Print the figures, and what did not hold."""
        for stay in self.stays:
            table = Table(*COLUMNS, box=None, pad_edge=False)
            for answers in stay.answers:
                table.add_row(*answers.cells())
            console.print(stay.sentence().replace("`", ""), highlight=False)
            console.print(table)
            if stay.complaints:
                console.print("\n".join([*stay.complaints, stay.last_output]), style="red", markup=False)
        console.print(self._where(), highlight=False)

    def as_markdown(self) -> str:
        """Return the figures in Markdown, with the command, date and machine."""
        lines = [self._where()]
        for stay in self.stays:
            lines += ["", stay.sentence(), "", f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
            lines += [f"| {' | '.join(answers.cells())} |" for answers in stay.answers]
        return "\n".join(lines)

    def _where(self) -> str:
        return f"`{self.command}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC ({machine()})."
