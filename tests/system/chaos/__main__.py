"""``python -m tests.system.chaos``: every scenario, one after the other."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tests.system.chaos.document import figures, write_between
from tests.system.chaos.report import Report
from tests.system.chaos.run import Result, Scenario, run
from tests.system.chaos.scenarios import SCENARIOS

DOCUMENT = click.Path(exists=True, dir_okay=False, path_type=Path)
NAMES = [scenario.name for scenario in SCENARIOS]


@click.command()
@click.option(
    "--images", type=click.IntRange(12), default=500, show_default=True, help="In `outages`; others use a share."
)
@click.option("--scenario", "names", type=click.Choice(NAMES), multiple=True, help="Only this one; may be repeated.")
@click.option("--list", "only_list", is_flag=True, help="List the scenarios and what they do.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the moments, the order and the faults.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures there.")
@click.option("--write", "document", type=DOCUMENT, help="Write the figures into a document, between its marks.")
@click.option("--keep-folder", is_flag=True, help="Keep the clouds' data and logs, and print where they are.")
def main(
    images: int,
    names: tuple[str, ...],
    only_list: bool,
    seed: int,
    json_file: Path | None,
    document: Path | None,
    keep_folder: bool,
) -> None:
    """Kill, fail, duplicate and overwrite on local clouds of real processes; nothing may be lost or doubled.

    Exit code: 0, every promise was kept; 1, one was broken; 2, wrong arguments.

    \b
    Example:
      python -m tests.system.chaos
      python -m tests.system.chaos --images 60 --scenario outages --scenario twice --json chaos.json
    """
    chosen = [scenario for scenario in SCENARIOS if not names or scenario.name in names]
    if only_list:
        for scenario in chosen:
            click.echo(f"{scenario.name:18} {scenario.sentence}")
        return
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="bucketlens-chaos-"))
    try:
        results = _run_all(chosen, folder, images, seed)
    finally:
        if not keep_folder:
            shutil.rmtree(folder, ignore_errors=True)
    report = Report(results, time.monotonic() - started, seed, _command(images, names))
    if json_file:
        json_file.write_text(json.dumps(report.as_json(), indent=2) + "\n", "utf-8")
    if document:
        write_between(document, "figures", figures(report))
    if keep_folder:
        click.echo(f"The clouds' data and logs are in {folder}")
    report.show(Console(width=None if sys.stdout.isatty() else 160))
    sys.exit(0 if report.is_kept else 1)


def _run_all(scenarios: Sequence[Scenario], folder: Path, images: int, seed: int) -> list[Result]:
    """Run scenarios one after the other, with a bar on a terminal and a line for each where there is none."""
    screen = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn())
    results = []
    with Progress(*columns, TimeElapsedColumn(), console=screen, disable=not screen.is_terminal) as progress:
        bar = progress.add_task("", total=len(scenarios))
        for scenario in scenarios:
            progress.update(bar, description=scenario.sentence)
            result = run(scenario, folder / scenario.name, images, seed)
            results.append(result)
            state = "kept" if result.is_kept else "[red]BROKEN[/red]"
            screen.print(f"{state} in {result.seconds:3.0f} s: {scenario.sentence}", highlight=False)
            progress.advance(bar)
    return results


def _command(images: int, names: tuple[str, ...]) -> str:
    """Return what must be typed to do the same again."""
    return " ".join(
        ["python -m tests.system.chaos", "--images", str(images), *(f"--scenario {name}" for name in names)]
    )


if __name__ == "__main__":
    main()
