"""Search for inputs that break a rule, target after target: ``python -m tests.system.fuzz --minutes 10``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tests.system.fuzz.apart import TURN_S, turn_apart
from tests.system.fuzz.targets import TARGETS


@click.command()
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=10, show_default=True, help="How long.")
@click.option("--target", "names", type=click.Choice(list(TARGETS)), multiple=True, help="Only this; may be repeated.")
@click.option("--seed", type=int, default=lambda: int(time.time()), help="Of the first round; later ones count on.")
def main(minutes: float, names: tuple[str, ...], seed: int) -> None:
    """Feed every parser with files that are nearly valid.

    A finding is written into tests/system/fuzz/corpus, where every later run and every test begins with it.
    Exit code: 0, nothing was found; 1, a broken rule was found; 2, wrong arguments.

    \b
    Example:
      python -m tests.system.fuzz --minutes 1 --target decode --seed 7
    """
    chosen = names or tuple(TARGETS)
    screen = Console(stderr=True)
    counts, findings, turns, number = dict.fromkeys(chosen, 0), set[Path](), 0, seed
    columns = (TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.fields[findings]} found"))
    ends = time.monotonic() + 60 * minutes
    screen.print(f"Fuzzing {', '.join(chosen)} for {minutes:g} min, from seed {seed}")
    with Progress(*columns, TimeElapsedColumn(), console=screen, disable=not screen.is_terminal) as progress:
        bar = progress.add_task("", total=60 * minutes, findings=0)
        while (left_s := ends - time.monotonic()) > 0:
            name = chosen[turns % len(chosen)]
            turns += 1
            progress.update(bar, completed=60 * minutes - left_s, description=name, findings=len(findings))
            turn = turn_apart(name, number, min(TURN_S, left_s))
            counts[name] += turn.inputs
            number += 1000
            if turn.finding:
                findings.add(kept := turn.finding.keep())
                screen.print(f"[red]FOUND[/red] in {name}, kept as {kept}", highlight=False)
                screen.print(turn.finding.why, highlight=False, markup=False)
            elif not screen.is_terminal:
                screen.print(f"{name}: {turn.inputs:,} inputs; {left_s:.0f} s left", highlight=False)
    table = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    screen.print(f"{sum(counts.values()):,} inputs ({table}): {len(findings)} findings", highlight=False)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
