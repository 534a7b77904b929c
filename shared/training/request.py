"""What a run of training is asked for, who watches it, and the folder that it can go on from."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from shared.bundles.manifest import MANIFEST
from shared.errors import Misconfigured
from shared.training.dataset import Dataset, Example
from shared.training.export import Plan
from shared.training.fit import Recipe, Step
from shared.training.start import Start
from shared.training.state import FILE, Epoch

STATE_FOLDER = ".training"
FOLDS_FILE = "folds.json"
"""What a run in folds must share with the one that it goes on from; lies there as soon as its data was divided."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to train, from what, and where to."""

    data: Path
    out: Path
    plan: Plan
    validation_share: float
    """0 to 1; in folds it is not asked for."""
    options: Mapping[str, Any]
    """The command's options: the recipe's, as far as somebody chose them, and others for the lineage."""
    group_by: str = ""
    """As in ``splits.split``."""
    start: Start | None = None
    """The bundle to begin with; None for ImageNet weights."""
    resume: bool = False
    folds: int = 0
    """Cross-validate in so many folds, and train the bundle on everything; 0 keeps validation pictures apart."""


class Watcher(Protocol):
    """Whoever shows how far a run is."""

    def on_read(self) -> None:
        """A file was read; called from other threads."""

    def on_data(self, dataset: Dataset, training: list[Example], validation: list[Example]) -> None:
        """The data was read and split."""

    def on_folds(self, dataset: Dataset, sizes: list[int]) -> None:
        """The data was read and divided into folds of so many pictures."""

    def on_recipe(self, recipe: Recipe) -> None:
        """Every option is decided."""

    def on_run(self, name: str, training: int, judged: int) -> None:
        """In folds: one more network begins to learn from so many pictures, and judges so many others."""

    def on_step(self, step: Step) -> None:
        """The network has seen one more batch."""

    def on_epoch(self, epoch: Epoch) -> None:
        """An epoch ended, and its state is saved."""

    def on_export(self, what: str) -> None:
        """One more thing is being chosen, or made of the trained network."""


def state_folder(request: Request) -> Path:
    """Return where the state of a run lies; that of an earlier one is removed, unless this one goes on from it.

    Raises:
        Misconfigured: ``out`` has a bundle already, or there is nothing to resume.
    """
    folder = request.out / STATE_FOLDER
    state, other = (FOLDS_FILE, FILE) if request.folds else (FILE, FOLDS_FILE)
    if request.resume and not (folder / state).exists():
        if (folder / other).exists():
            fault = "was given --folds; give it again" if other == FOLDS_FILE else "was not given --folds; leave it out"
            raise Misconfigured("cannot resume", [f"the stopped run in {request.out} {fault}"])
        raise Misconfigured("cannot resume", [f"{request.out} has no stopped run; leave out --resume to begin one"])
    if (request.out / MANIFEST).exists() and not request.resume:
        raise Misconfigured("cannot train", [f"{request.out} has a bundle already; choose another --out"])
    if folder.exists() and not request.resume:
        shutil.rmtree(folder)
    return folder
