"""A run's progress on a terminal: a bar with loss, accuracy and time left, and a line for each epoch."""

from __future__ import annotations

import math
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from shared.training.dataset import Dataset, Example
from shared.training.fit import Recipe, Step
from shared.training.state import Epoch

BAD_FILES_SHOWN = 20
SPEED_OVER_S = 300.0
"""Time left is estimated from the last five minutes: a pause for validation should not make it jump."""


class Terminal:
    """A ``request.Watcher`` that draws with Rich. Use it as a context manager.

    Args:
        console: the console to draw on.
        epochs: the largest number of epochs of the run.
    """

    def __init__(self, console: Console, epochs: int) -> None:
        self.console, self.epochs = console, epochs
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            speed_estimate_period=SPEED_OVER_S,
            transient=True,
        )
        self._reading = self._bar.add_task("reading", total=None, facts="")
        self._fitting: TaskID | None = None
        self._run = ""

    def __enter__(self) -> Terminal:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def on_read(self) -> None:
        """Count a file."""
        self._bar.advance(self._reading)

    def on_data(self, dataset: Dataset, training: list[Example], validation: list[Example]) -> None:
        """Print the number of pictures, and the files that were left out, with reasons."""
        self._bar.remove_task(self._reading)
        self._print_data(f"{len(training)} pictures to train on, {len(validation)} to validate on", dataset)

    def on_folds(self, dataset: Dataset, sizes: list[int]) -> None:
        """Print the number of pictures, the folds, and the files that were left out, with reasons."""
        self._bar.remove_task(self._reading)
        each = ", ".join(map(str, sizes))
        self._print_data(f"{sum(sizes)} pictures in {len(sizes)} folds of {each}", dataset)

    def _print_data(self, divided: str, dataset: Dataset) -> None:
        counts = ", ".join(f"{label} {count}" for label, count in dataset.counts.items())
        self.console.print(f"{divided} ({counts})")
        for bad in dataset.bad_files[:BAD_FILES_SHOWN]:
            self.console.print(f"left out: {bad.path}: {bad.reason}", style="yellow", markup=False)
        if more := len(dataset.bad_files[BAD_FILES_SHOWN:]):
            self.console.print(f"left out: {more} more", style="yellow")

    def on_recipe(self, recipe: Recipe) -> None:
        """Print the options that the data may have decided."""
        colours = "in shades of grey" if recipe.grey else "in colour"
        drawn = "every label equally often" if recipe.balanced else "every picture equally often"
        self.console.print(f"{colours}, {drawn}, fitted by {recipe.fit}", highlight=False)

    def on_run(self, name: str, training: int, judged: int) -> None:
        """Print the name of the network that learns now, and begin its bar."""
        self._end_bar()
        self._run = f"{name}, "
        to_judge = f", {judged} to judge" if judged else ""
        self.console.print(f"{name}: {training} pictures to train on{to_judge}", highlight=False)

    def on_step(self, step: Step) -> None:
        """Move the bar."""
        before = (step.epoch - 1) * step.steps
        if self._fitting is None:
            self._fitting = self._bar.add_task("", total=self.epochs * step.steps, completed=before, facts="")
        facts = f"loss {step.loss:.3f}  accuracy {step.accuracy:.3f}"
        self._bar.update(
            self._fitting,
            completed=before + step.step,
            description=f"{self._run}epoch {step.epoch}/{self.epochs}",
            facts=facts,
        )

    def on_epoch(self, epoch: Epoch) -> None:
        """Print the epoch's line."""
        unseen = f"validation: loss {epoch.validation_loss:.3f}  accuracy {epoch.validation_accuracy:.3f}  "
        self.console.print(
            f"epoch {epoch.number:>2}/{self.epochs}  loss {epoch.loss:.3f}  accuracy {epoch.accuracy:.3f}  "
            f"{'' if math.isnan(epoch.validation_loss) else unseen}{epoch.seconds:.0f} s",
            highlight=False,
        )

    def on_export(self, what: str) -> None:
        """Print the step of the export."""
        self._end_bar()
        self.console.print(what, highlight=False)

    def _end_bar(self) -> None:
        if self._fitting is not None:
            self._bar.remove_task(self._fitting)
            self._fitting = None
