"""``python -m tests.system.bench``, which is ``make bench``: start every server, measure, write the results, stop."""

from __future__ import annotations

import importlib
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console
from rich.markdown import Markdown

from shared.local.processes import ROOT
from tests.environments import environment
from tests.system.bench.field import OURS, US, Contestant, bucketlens, peers
from tests.system.bench.goals import http_goals
from tests.system.bench.growth import growth_table
from tests.system.bench.over_http import Windows, measure_http
from tests.system.bench.photographs import photographs
from tests.system.bench.picture import draw
from tests.system.bench.results import Results
from tests.system.bench.services import services
from tests.system.bench.tables import document_of, shown_as
from tests.system.chaos.document import write_between

Say = Callable[[str], None]

PARTS = ("http", "events", "batch")
PHOTOGRAPHS = ROOT / "build" / "bench" / "photographs"
DOCUMENT, PICTURE, JSON = (
    ROOT / "docs" / f for f in ("performance.md", "performance.png", "measured_performance.json")
)
PEERS = {peer.name: peer for peer in peers()}
QUICK = Windows(warm=0.5, steady=2.0, weigh=1.0, large=0.5, least_large=3)


@click.command()
@click.option("--quick", is_flag=True, help="Only Bucketlens and the limit, in less than three minutes.")
@click.option("--only", "parts", multiple=True, type=click.Choice(PARTS), help="Only this part; may be repeated.")
@click.option("--rounds", type=click.IntRange(1), help="Of every measurement.  [default: 3; 2 with --quick]")
@click.option("--peer", "names", multiple=True, type=click.Choice(list(PEERS)), help="Only this one of the others.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write every figure there.")
@click.option("--no-write", is_flag=True, help="Leave docs/ as it is.")
def main(
    quick: bool,
    parts: tuple[str, ...],
    rounds: int | None,
    names: tuple[str, ...],
    json_file: Path | None,
    no_write: bool,
) -> None:
    """Measure Bucketlens, what people would use instead, and the physical limit, in turns on one machine.

    Every server is started here, in an environment of its own that is made on first use, on free ports of 127.0.0.1,
    and ended. A run of everything writes docs/performance.md, its picture and its JSON.

    Exit code: 0, all goals hold; 1, one does not; 2, something could not be run, or wrong arguments.

    \b
    Example:
      python -m tests.system.bench --quick
      python -m tests.system.bench --only http --peer "FastAPI, LiteRT" --rounds 5
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # with it, each start of our functions would compile again
    signal.signal(signal.SIGTERM, _interrupt)  # so that SIGTERM stops the servers too
    console, say = Console(width=None if sys.stdout.isatty() else 160), Console(stderr=True, log_path=False).log
    results = Results(_command(), rounds or (2 if quick else 3))
    others = [] if quick else [PEERS[name] for name in names or PEERS]
    started = time.monotonic()
    for part in parts or (PARTS[:1] if quick else PARTS):
        if part == "http":
            _http(results, others, QUICK if quick else Windows(), say)
        else:
            _other(results, part, say)
    results.seconds = time.monotonic() - started
    console.print(Markdown(document_of(results)))
    if json_file:
        results.save(json_file)
    if not (quick or parts or names or no_write):
        _write(results)
    _conclude(results, console)
    sys.exit(results.exit_code)


def _http(results: Results, others: list[Contestant], windows: Windows, say: Say) -> None:
    pictures = photographs(PHOTOGRAPHS)
    with services() as cloud:
        own = [bucketlens(cloud, record=record) for record in (False, True)]
        run = measure_http([*own, *others], environment(OURS), pictures, results.rounds, windows, say)
    goals, unjudged = http_goals(run.figures, peers=[peer.name for peer in others])
    results.figures += run.figures
    results.goals += goals
    results.unjudged += unjudged
    results.failures |= run.failures


def _other(results: Results, part: str, say: Say) -> None:
    """Run a part of the benchmark that is a module of its own."""
    try:
        measure = getattr(importlib.import_module(f"tests.system.bench.{part}"), f"measure_{part}")
        figures, goals = measure(results.rounds, say)
    except Exception as error:  # after any error the other parts still have figures
        results.failures[part] = f"{type(error).__name__}: {error}"
        return
    results.figures += figures
    results.goals += goals


def _write(results: Results) -> None:
    write_between(DOCUMENT, "performance", document_of(results))
    results.save(JSON)
    draw(results, PICTURE)
    if (busy := results.figure(US, "CPU of classify_upload, an image of a burst")) is not None:
        write_between(DOCUMENT, "growth", growth_table(busy.median / 1000))


def _conclude(results: Results, console: Console) -> None:
    """Print for each goal whether it holds, and which goals could not be judged."""
    for goal in results.goals:
        mark, style = ("holds", "green") if goal.holds else ("does not hold", "red")
        console.print(f"{mark}: {goal.sentence}: {shown_as(goal)(goal.ratio)}", style=style, highlight=False)
    for contestant, why in results.failures.items():
        console.print(f"not measured: {contestant}: {why}", style="red", markup=False, highlight=False)
    for sentence in results.unjudged:
        console.print(f"not judged: {sentence}", style="red", highlight=False)
    held = sum(goal.holds for goal in results.goals)
    console.print(f"{held} of {len(results.goals) + len(results.unjudged)} goals hold", highlight=False)


def _command() -> str:
    return " ".join(["python -m tests.system.bench", *map(shlex.quote, sys.argv[1:])])


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
