"""The report of ``bucketlens load``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from shared.cli.options import console
from shared.cli.terminal import shown
from shared.operations.load.advice import Advice, Largest, advice
from shared.operations.load.cost import arithmetic, likely_usd
from shared.operations.load.figures import Ending, Run
from shared.operations.load.limit import Demands, Step, holding
from shared.operations.load.plan import Plan
from shared.operations.load.session import LoadTest


@dataclass(frozen=True, slots=True)
class Report:
    """The report of a finished load test."""

    url: str
    plan: Plan
    demands: Demands
    test: LoadTest
    steps: list[Step]
    largest: Largest
    record: bool

    @property
    def limit_per_s(self) -> float | None:
        """The highest tested rate that held; None if none did."""
        return holding(self.steps)

    @property
    def run(self) -> Run | None:
        """The run, or of steps the one at the highest rate that held, else the first; None if none was measured."""
        held = [step.run for step in self.steps if step.rate == self.limit_per_s]
        return held[-1] if held else self.test.runs[0] if self.test.runs else None

    @property
    def faults(self) -> list[str]:
        """The demands that were not met, a sentence each."""
        if self.run is None:
            return ["it was interrupted before the first request was measured"]
        cut = ["it was interrupted"] if any(run.ending is Ending.INTERRUPTED for run in self.test.runs) else []
        if self.steps:
            return cut + (list(self.steps[0].faults) if self.limit_per_s is None else [])
        return cut + self.demands.faults(self.run, self.plan.rate)

    @property
    def advice(self) -> list[Advice]:
        """The advised settings for the rate that held."""
        if self.run is None:
            return []
        return advice(self.run, self.limit_per_s or self.run.rate, self.largest)

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        likely = likely_usd(self.test.busy_s, self.test.requests, recorded=self.record)
        return {
            "url": self.url,
            "run": self.run.as_json() if self.run else None,
            "steps": [step.as_json() for step in self.steps],
            "limit_per_s": self.limit_per_s,
            "usd": {"most": round(self.test.usd, 9), "likely": round(likely, 9)},
            "advice": [asdict(row) for row in self.advice],
            "faults": self.faults,
        }


def print_report(report: Report) -> None:
    """Print tables: steps, latencies, answers, cost and advice."""
    if report.steps:
        console.print(_steps(report.steps))
        limit = report.limit_per_s
        carried = "none of the rates held" if limit is None else f"{limit:g} requests a second were carried"
        console.print(f"Limit: {carried}")
    if report.run:
        console.print(_latencies(report.run))
        console.print(_answers(report.run), highlight=False)
    console.print(
        f"Cost: {arithmetic(report.test.busy_s, report.test.requests, recorded=report.record)}", highlight=False
    )
    if report.advice:
        console.print(_advice(report.advice))
    for fault in report.faults:
        console.print(f"[red]✗[/] {shown(fault)}", highlight=False)


def _steps(steps: list[Step]) -> Table:
    table = Table("requests/s", "answered well/s", "p50", "p95", "failed", "", title="Saturation", title_justify="left")
    for step in steps:
        latency = step.run.latency_ms
        times = (_ms(latency[name]) for name in ("p50", "p95"))
        faults = shown("; ".join(step.faults)) or "[green]holds[/]"
        table.add_row(f"{step.rate:g}", f"{step.run.rate:.1f}", *times, f"{step.run.error_rate:.1%}", faults)
    return table


def _latencies(run: Run) -> Table:
    latency, service = run.latency_ms, run.service_ms
    table = Table("latency", *latency, title_justify="left")
    table.add_row("since a request was due", *map(_ms, latency.values()))
    table.add_row("since it was sent", *map(_ms, service.values()))
    return table


def _answers(run: Run) -> str:
    statuses = ", ".join(f"{status or 'no answer'}: {count:,}" for status, count in run.statuses.items())
    extra = [f"{run.late:,} due but never sent"] * bool(run.late)
    extra += [f"{run.unanswered:,} cut off"] * bool(run.unanswered)
    counted = ", ".join([statuses or "none", *extra])
    return (
        f"Answers: {counted}; {run.rate:.1f} good ones a second for {run.seconds:.1f} s (ended by {run.ending.value})"
    )


def _advice(rows: list[Advice]) -> Table:
    table = Table("setting", "value", "because", title="Advised size", title_justify="left")
    for row in rows:
        table.add_row(row.setting, f"{row.value:,}", shown(row.why))
    return table


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"
