"""A run's figures: a table for people, JSON for programs, and the totals in the last lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.system.chaos.machine import machine
from tests.system.chaos.run import Result

MOST_COMPLAINTS = 8
SUMMED = ("images_in", "rows_out", "lost", "doubled", "repeated", "superseded")


@dataclass
class Report:
    """The results of every scenario."""

    results: Sequence[Result]
    seconds: float
    seed: int
    command: str
    machine: str = field(default_factory=machine)
    date: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))

    @property
    def is_kept(self) -> bool:
        """Whether every promise was kept, in every scenario."""
        return all(result.is_kept for result in self.results)

    @property
    def totals(self) -> dict[str, int]:
        """Sums over all scenarios."""
        sums = {name: sum(getattr(result.verdict, name) for result in self.results) for name in SUMMED}
        work = {name: sum(getattr(result, name) for result in self.results) for name in ("faults", "kills")}
        return {**work, **sums, "broken": sum(not result.is_kept for result in self.results)}

    def as_json(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        scenarios = [
            {
                "name": result.scenario.name,
                "kept": result.is_kept,
                "seconds": round(result.seconds, 1),
                "kills": result.kills,
                "faults": result.faults,
                **asdict(result.verdict),
                "figures": result.figures,
            }
            for result in self.results
        ]
        more = {"seconds": round(self.seconds, 1), "seed": self.seed, "command": self.command}
        return {**more, "machine": self.machine, "date": self.date, "totals": self.totals, "scenarios": scenarios}

    def show(self, console: Console) -> None:
        """Print the table, the broken promises, and the totals last."""
        console.print(self._table())
        for result in self.results:
            for complaint in result.verdict.complaints[:MOST_COMPLAINTS]:
                console.print(f"{result.scenario.name}: {complaint}", style="red", markup=False, soft_wrap=True)
            if (more := len(result.verdict.complaints) - MOST_COMPLAINTS) > 0:
                console.print(f"{result.scenario.name}: … and {more} more", style="red")
        console.print("\n".join(self._last_lines()), highlight=False, markup=False)

    def _table(self) -> Table:
        table = Table("scenario", box=None, pad_edge=False, header_style="bold")
        for name in ("kills", "faults", "in", "out", "repeated", "lost", "doubled", "s"):
            table.add_column(name, justify="right")
        table.add_column("measured")
        for result in self.results:
            verdict = result.verdict
            counts = [result.kills, result.faults, verdict.images_in, verdict.rows_out]
            counts += [verdict.repeated, verdict.lost, verdict.doubled, round(result.seconds)]
            measured = ", ".join(f"{name}: {value}" for name, value in result.figures.items())
            style = None if result.is_kept else "red"
            table.add_row(result.scenario.name, *map(str, counts), measured, style=style)
        return table

    def _last_lines(self) -> list[str]:
        totals = self.totals
        return [
            "",
            f"faults injected {totals['faults']:>7,}",
            f"kills           {totals['kills']:>7,}",
            f"images in       {totals['images_in']:>7,}",
            f"rows out        {totals['rows_out']:>7,}  (and {totals['repeated']:,} repeated in the tables, which the "
            "views count once)",
            f"superseded      {totals['superseded']:>7,}",
            f"lost            {totals['lost']:>7,}",
            f"doubled         {totals['doubled']:>7,}",
            f"scenarios       {len(self.results):>7,}  ({totals['broken']} broken)",
            f"{self.command}, seed {self.seed}, {self.seconds:.0f} s, {self.date}",
            self.machine,
        ]
