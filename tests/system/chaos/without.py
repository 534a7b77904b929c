"""Remove one safeguard from a copy of the project, and check that a scenario notices.

``python -m tests.system.chaos.without`` runs it. A scenario that has nothing removed must keep every promise (the
control), else its complaint would mean nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tests.system.chaos.document import write_between
from tests.system.chaos.safeguards import SAFEGUARDS, Safeguard
from tests.writable import copy_tree

ROOT = Path(__file__).parents[3]
COPIED = ("shared", "functions", "infra", "tests")
DOCUMENT = click.Path(exists=True, dir_okay=False, path_type=Path)
FEW = "12"
NAMES = [safeguard.name for safeguard in SAFEGUARDS]
WIDEST = 110
NO_CLOUD = "the cloud did not start"
"""A copy that does not even start shows nothing."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A run without a safeguard, or, as a control, with all of them."""

    scenario: str
    removed: Safeguard | None
    complaints: tuple[str, ...]

    @property
    def is_as_it_should_be(self) -> bool:
        """Whether the removal was noticed, or the control kept its promises."""
        if any(complaint.startswith(NO_CLOUD) for complaint in self.complaints):
            return False
        return bool(self.complaints) == bool(self.removed)


@click.command()
@click.option("--safeguard", "names", type=click.Choice(NAMES), multiple=True, help="Only this one; may be repeated.")
@click.option("--write", "document", type=DOCUMENT, help="Write the table into a document, between its marks.")
def main(names: tuple[str, ...], document: Path | None) -> None:
    """Remove each safeguard from a copy of the project; its scenario must exit with 1.

    Exit code: 0, every removal was noticed; 1, one was not; 2, wrong arguments or a text that is no longer there.

    \b
    Example:
      python -m tests.system.chaos.without
      python -m tests.system.chaos.without --safeguard "the view's partition"
    """
    chosen = [safeguard for safeguard in SAFEGUARDS if not names or safeguard.name in names]
    try:
        for safeguard in chosen:
            safeguard.without_it(ROOT)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    screen = Console(stderr=True)
    trials = []
    controls = dict.fromkeys(safeguard.scenario for safeguard in chosen)
    for scenario, removed in [
        *((name, None) for name in controls),
        *((safeguard.scenario, safeguard) for safeguard in chosen),
    ]:
        screen.print(f"{scenario}, without {removed.name if removed else 'nothing'}", highlight=False)
        trials.append(_try(scenario, removed))
    if document:
        write_between(document, "without", _as_markdown(trials))
    _show(trials)
    sys.exit(0 if all(trial.is_as_it_should_be for trial in trials) else 1)


def _try(scenario: str, removed: Safeguard | None) -> Trial:
    """Run a scenario in a copy of the project that lacks one safeguard."""
    with tempfile.TemporaryDirectory(prefix="bucketlens-without-") as name:
        project = Path(name)
        for part in COPIED:
            copy_tree(ROOT / part, project / part, shutil.ignore_patterns("__pycache__"))
        if removed:
            (project / removed.file).write_text(removed.without_it(project), "utf-8")
        figures = project / "chaos.json"
        command = [
            sys.executable,
            "-m",
            "tests.system.chaos",
            "--images",
            FEW,
            "--scenario",
            scenario,
            "--json",
            str(figures),
        ]
        environment = os.environ | {"PYTHONPATH": str(project)}
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
        if not figures.is_file():
            return Trial(scenario, removed, (f"{NO_CLOUD}: {done.stderr[-500:]}",))
        [result] = json.loads(figures.read_text("utf-8"))["scenarios"]
        return Trial(scenario, removed, tuple(result["complaints"]))


def _show(trials: Sequence[Trial]) -> None:
    table = Table("without", "scenario", "", "noticed by", box=None, pad_edge=False, header_style="bold")
    for trial in trials:
        wrong = "[red]UNNOTICED[/red]" if trial.removed else "[red]BROKEN[/red]"
        right = "noticed" if trial.removed else "kept"
        more = f" (and {len(trial.complaints) - 1} more)" if len(trial.complaints) > 1 else ""
        name = trial.removed.name if trial.removed else "nothing (control)"
        state = right if trial.is_as_it_should_be else wrong
        table.add_row(name, trial.scenario, state, _shortened(trial.complaints[0] if trial.complaints else "–") + more)
    Console(width=None if sys.stdout.isatty() else 180).print(table)


def _as_markdown(trials: Sequence[Trial]) -> str:
    noticed = [trial for trial in trials if trial.removed and trial.is_as_it_should_be]
    rows = (
        f"| {trial.removed.name} | `{trial.scenario}` | {_shortened(trial.complaints[0])} |"
        for trial in noticed
        if trial.removed
    )
    return "\n".join(["| without | scenario | noticed by |", "|---|---|---|", *rows])


def _shortened(complaint: str) -> str:
    line = complaint.partition("\n")[0]
    return line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…"


if __name__ == "__main__":
    main()
