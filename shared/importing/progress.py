"""An import's progress on a terminal."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from shared.bundles.manifest import Manifest
from shared.importing.agreement import Agreement
from shared.training.report import Report


class Terminal:
    """An ``importer.Watcher`` that draws with Rich. Use it as a context manager.

    Args:
        console: the console to draw on.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID = self._bar.add_task("", total=None)

    def __enter__(self) -> Terminal:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def on_step(self, what: str) -> None:
        """Show the step."""
        self._bar.reset(self._task, total=None, description=what)

    def on_pictures(self, what: str, total: int) -> None:
        """Begin a bar for a number of pictures."""
        self._bar.reset(self._task, total=total, description=what)

    def on_picture(self) -> None:
        """Move the bar."""
        self._bar.advance(self._task)

    def on_agreement(self, agreement: Agreement) -> None:
        """Print the agreement of the converted model with the original."""
        self.console.print(f"Compared with the original: {agreement}", highlight=False, soft_wrap=True)

    def on_measured(self, report: Report, manifest: Manifest) -> None:
        """Print the model's figures and the fitted parameters."""
        threshold = manifest.threshold
        decides = f", {threshold.positive} from {threshold.score:g} on" if threshold else ""
        self.console.print(
            f"Measured on {report.images} labelled pictures: accuracy {report.accuracy:.1%}, negative log-likelihood "
            f"{report.nll:.3f}; calibrated with temperature {manifest.temperature:g}{decides}; scores "
            f"below {manifest.review_below:g} need review, as {report.needs_review:.1%} of these do",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    def on_remark(self, remark: str) -> None:
        """Print a remark in yellow."""
        self.console.print(remark, style="yellow", markup=False, highlight=False, soft_wrap=True)
