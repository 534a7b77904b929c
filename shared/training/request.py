"""A request for a training run, the watcher of its progress, and the folder that it can resume from."""

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
"""The file with the identity of a run in folds, which a resumed run must share; written once the data is divided."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request: the data to train on, the options, and the folder for the bundle."""

    data: Path
    out: Path
    plan: Plan
    validation_share: float
    """0 to 1; not used in folds."""
    options: Mapping[str, Any]
    """The command's options: the recipe's, as far as the user chose them, and others for the lineage."""
    group_by: str = ""
    """As in ``splits.split``."""
    start: Start | None = None
    """The bundle to begin with; None for ImageNet weights."""
    resume: bool = False
    folds: int = 0
    """Number of folds: cross-validate, and train the bundle on everything; 0 keeps validation pictures apart."""


class Watcher(Protocol):
    """A display of a run's progress."""

    def on_read(self) -> None:
        """Note that a file was read; called from other threads."""

    def on_data(self, dataset: Dataset, training: list[Example], validation: list[Example]) -> None:
        """Note that the data was read and split."""

    def on_folds(self, dataset: Dataset, sizes: list[int]) -> None:
        """Note that the data was read and divided into folds of these sizes."""

    def on_recipe(self, recipe: Recipe) -> None:
        """Note that every option is decided."""

    def on_run(self, name: str, training: int, judged: int) -> None:
        """In folds: note that a network begins to learn, with its numbers of training and judged pictures."""

    def on_step(self, step: Step) -> None:
        """Note that the network has learned from another batch."""

    def on_epoch(self, epoch: Epoch) -> None:
        """Note that an epoch ended and its state is saved."""

    def on_export(self, what: str) -> None:
        """Note the next step of the export, as a text."""


def state_folder(request: Request) -> Path:
    """Return the folder of a run's state; an earlier run's state is removed, unless this run resumes it.

    Raises:
        Misconfigured: ``out`` has a bundle already, or no stopped run to resume.
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
