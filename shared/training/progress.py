"""How far a run is, on a terminal: a bar with loss, accuracy and time left, and a line for each epoch."""

from __future__ import annotations

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
    """A ``train.Watcher`` that draws with Rich. Use it as a context.

    Args:
        console: where to draw.
        epochs: how many the run has at most.
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
        """Say what there is, and what was left out and why."""
        self._bar.remove_task(self._reading)
        counts = ", ".join(f"{label} {count}" for label, count in dataset.counts.items())
        self.console.print(f"{len(training)} pictures to train on, {len(validation)} to validate on ({counts})")
        for bad in dataset.bad_files[:BAD_FILES_SHOWN]:
            self.console.print(f"left out: {bad.path}: {bad.reason}", style="yellow", markup=False)
        if more := len(dataset.bad_files[BAD_FILES_SHOWN:]):
            self.console.print(f"left out: {more} more", style="yellow")

    def on_recipe(self, recipe: Recipe) -> None:
        """Say what the data may have decided."""
        colours = "in shades of grey" if recipe.grey else "in colour"
        drawn = "every label equally often" if recipe.balanced else "every picture equally often"
        self.console.print(f"{colours}, {drawn}, fitted by {recipe.fit}", highlight=False)

    def on_step(self, step: Step) -> None:
        """Move the bar."""
        before = (step.epoch - 1) * step.steps
        if self._fitting is None:
            self._fitting = self._bar.add_task("", total=self.epochs * step.steps, completed=before, facts="")
        facts = f"loss {step.loss:.3f}  accuracy {step.accuracy:.3f}"
        self._bar.update(
            self._fitting,
            completed=before + step.step,
            description=f"epoch {step.epoch}/{self.epochs}",
            facts=facts,
        )

    def on_epoch(self, epoch: Epoch) -> None:
        """Print the epoch's line."""
        self.console.print(
            f"epoch {epoch.number:>2}/{self.epochs}  loss {epoch.loss:.3f}  accuracy {epoch.accuracy:.3f}  "
            f"validation: loss {epoch.validation_loss:.3f}  accuracy {epoch.validation_accuracy:.3f}  "
            f"{epoch.seconds:.0f} s",
            highlight=False,
        )

    def on_export(self, what: str) -> None:
        """Print what is being made."""
        if self._fitting is not None:
            self._bar.remove_task(self._fitting)
            self._fitting = None
        self.console.print(what, highlight=False)
