"""Write a run's figures as tables in Markdown: medians of the rounds, and ratios with their spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.system.bench.field import US
from tests.system.bench.figures import Figure, Goal
from tests.system.bench.over_http import (
    CLIENTS,
    COLD,
    MEMORY,
    RATE,
    SATURATED,
    SHARES,
    SIZE,
    large,
    latency,
)
from tests.system.bench.photographs import LARGE
from tests.system.bench.results import Results, versions

SPEED: dict[str, tuple[str, ...]] = {
    "first answer, s": (COLD,),
    **{
        f"{clients} client{'s' if clients > 1 else ''}, ms": tuple(latency(share, clients) for share in SHARES)
        for clients in CLIENTS
    },
    "requests/s": (RATE,),
}
WEIGHT: dict[str, tuple[str, ...]] = {
    "memory, MiB": (MEMORY,),
    "installed, MB": (SIZE,),
    **{f"{kind}, ms": (large(kind),) for kind in LARGE},
}
COMPARED = {
    "first answer": COLD,
    "p50, 1 client": latency(50, 1),
    "p50, 16 clients": latency(50, SATURATED),
    "p99, 16 clients": latency(99, SATURATED),
    "requests/s": RATE,
    "memory": MEMORY,
    "installed": SIZE,
    "12 MP JPEG": large("12 MP JPEG"),
    "12 MP PNG": large("12 MP PNG"),
}
OVER_HTTP = {what for columns in (SPEED, WEIGHT) for column in columns.values() for what in column}


def document_of(results: Results) -> str:
    """Return all tables, with the command, the date, the machine and the versions."""
    known = ", ".join(f"{package} {version}" for package, version in versions().items())
    parts = [
        f"`{results.command}`, {results.date}, {results.rounds} rounds in {results.seconds / 60:.0f} minutes "
        f"({results.machine}).\n{known}.",
        f"### Goals\n\n{goal_table(results.goals)}",
        f"### Speed: a 224 px JPEG\n\nMedians of the rounds; of latencies p50 / p95 / p99.\n\n{_table(results, SPEED)}",
        f"### Weight, and large photographs\n\np50 with one client.\n\n{_table(results, WEIGHT)}",
        "### How many times better\n\nThe median of the rounds' ratios, and the lowest to the highest of them; above 1 "
        f"Bucketlens is better.\n\n{_ratio_table(results)}",
    ]
    if others := [figure for figure in results.figures if figure.what not in OVER_HTTP]:
        parts.append(f"### Events, batches, and the rest\n\n{_figure_table(others)}")
    if results.failures:
        lines = "\n".join(f"- {contestant}: {_in_a_line(why)}" for contestant, why in results.failures.items())
        parts.append(f"### Not measured\n\n{lines}")
    return "\n\n".join(parts)


def goal_table(goals: Sequence[Goal]) -> str:
    """Return each goal with its figure, and whether it holds."""
    lines = ["| goal | measured | lowest to highest | holds |", "|---|---|---|---|"]
    for goal in goals:
        show = shown_as(goal)
        spread = f"{show(min(goal.ratios))} to {show(max(goal.ratios))}"
        lines.append(f"| {goal.sentence} | {show(goal.ratio)} | {spread} | {'yes' if goal.holds else '**no**'} |")
    return "\n".join(lines)


def shown_as(goal: Goal) -> Callable[[float], str]:
    """Return how a goal's figure is shown: with its unit, or as a ratio."""
    unit = f" {goal.figure.unit}" if goal.over is None else " x"
    return lambda value: f"{number(value)}{unit}"


def number(value: float) -> str:
    """Write a number with three significant digits, and no digits after them."""
    if value >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}" if value >= 0.095 else f"{value:.3f}"


def _table(results: Results, columns: dict[str, tuple[str, ...]]) -> str:
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'--:|' * len(columns)}"]
    for contestant in results.contestants([what for column in columns.values() for what in column]):
        cells = [_cell([results.figure(contestant, what) for what in column]) for column in columns.values()]
        lines.append(f"| {f'**{contestant}**' if contestant == US else contestant} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(figures: Sequence[Figure | None]) -> str:
    medians = [number(figure.median) for figure in figures if figure is not None]
    return " / ".join(medians) if medians else "–"


def _ratio_table(results: Results) -> str:
    lines = [f"| | {' | '.join(COMPARED)} |", f"|---|{'--:|' * len(COMPARED)}"]
    for contestant in results.contestants(list(COMPARED.values())):
        if contestant != US:
            cells = [_ratio(results.figure(US, what), results.figure(contestant, what)) for what in COMPARED.values()]
            lines.append(f"| {contestant} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _ratio(product: Figure | None, peer: Figure | None) -> str:
    if product is None or peer is None:
        return "–"
    over, under = (product, peer) if product.more_is_better else (peer, product)
    goal = Goal("", over, under)
    return f"{number(goal.ratio)} ({number(min(goal.ratios))} to {number(max(goal.ratios))})"


def _figure_table(figures: Sequence[Figure]) -> str:
    lines = ["| who | what | median | lowest to highest |", "|---|---|--:|--:|"]
    for figure in figures:
        spread = f"{number(min(figure.values))} to {number(max(figure.values))}"
        lines.append(f"| {figure.who} | {figure.what} | {number(figure.median)} {figure.unit} | {spread} |")
    return "\n".join(lines)


def _in_a_line(text: str) -> str:
    return " ".join(text.split())[:300]
