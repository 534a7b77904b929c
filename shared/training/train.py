"""The story of `bucketlens train`: read, split, fit, choose the size, export, measure, describe."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from shared.bundles.bundle import Bundle
from shared.bundles.manifest import MANIFEST
from shared.errors import Misconfigured
from shared.training.choices import in_grey, recipe_for, values_of
from shared.training.dataset import Dataset, Example, read_dataset, split
from shared.training.export import Plan, export_bundle
from shared.training.fit import Recipe, Step, fit, identity_of
from shared.training.lineage import Lineage, code_version
from shared.training.mix import mix_with_probe
from shared.training.report import Report
from shared.training.start import Start
from shared.training.state import FILE, Epoch

STATE_FOLDER = ".training"


@dataclass(frozen=True, slots=True)
class Request:
    """What to train, from what, and where to."""

    data: Path
    out: Path
    plan: Plan
    validation_share: float
    """Of each label, 0 to 1."""
    options: Mapping[str, Any]
    """The command's options: the recipe's, as far as somebody chose them, and others for the lineage."""
    group_by: str = ""
    """As in ``dataset.split``."""
    start: Start | None = None
    """The bundle to begin with; None for ImageNet weights."""
    resume: bool = False


class Watcher(Protocol):
    """Whoever shows how far a run is."""

    def on_read(self) -> None:
        """A file was read; called from other threads."""

    def on_data(self, dataset: Dataset, training: list[Example], validation: list[Example]) -> None:
        """The data was read and split."""

    def on_recipe(self, recipe: Recipe) -> None:
        """Every option is decided."""

    def on_step(self, step: Step) -> None:
        """The network has seen one more batch."""

    def on_epoch(self, epoch: Epoch) -> None:
        """An epoch ended, and its state is saved."""

    def on_export(self, what: str) -> None:
        """One more thing is being made of the trained network."""


def train(request: Request, watcher: Watcher) -> tuple[Bundle, Report]:
    """Make a model bundle from a labelled folder.

    A run that was stopped goes on after its last whole epoch where ``request.resume`` is set; what comes out is the
    same as without the stop.

    Returns:
        The bundle, read back and checked, and how it did on the validation pictures through the serving path.

    Raises:
        Misconfigured: the data cannot be used, ``out`` has a bundle already, or there is nothing to resume.
    """
    code = code_version()
    state_folder = _state_folder(request)
    plan = request.plan
    dataset = read_dataset(request.data, shrink_to_px=max(plan.serve_sizes), on_read=watcher.on_read)
    plan.check(dataset.labels)
    recipe = recipe_for(request.options, dataset)
    if recipe.grey:
        dataset = in_grey(dataset)
    training, validation = split(dataset.examples, request.validation_share, request.group_by)
    watcher.on_data(dataset, training, validation)
    watcher.on_recipe(recipe)
    network, history = fit(
        training,
        validation,
        dataset.labels,
        recipe,
        folder=state_folder,
        identity=identity_of(recipe, dataset.fingerprint, request.validation_share, request.group_by, request.start),
        start=request.start,
        on_step=watcher.on_step,
        on_epoch=watcher.on_epoch,
    )
    trials = []
    if recipe.mix:
        watcher.on_export("mixing with a linear probe")
        trials = mix_with_probe(network, training, validation, dataset.labels, recipe)
    options = values_of(recipe, request.options)
    lineage = Lineage(dataset, training, validation, history, trials, recipe, options, code, request.start)
    result = export_bundle(network, lineage, plan, request.out, watcher.on_export)
    shutil.rmtree(state_folder)
    return result


def _state_folder(request: Request) -> Path:
    folder = request.out / STATE_FOLDER
    if request.resume and not (folder / FILE).exists():
        raise Misconfigured("cannot resume", [f"{request.out} has no stopped run; leave out --resume to begin one"])
    if (request.out / MANIFEST).exists() and not request.resume:
        raise Misconfigured("cannot train", [f"{request.out} has a bundle already; choose another --out"])
    if folder.exists() and not request.resume:
        shutil.rmtree(folder)
    return folder
