"""The steps of `bucketlens train`: read, split, fit, choose the size, export, measure, describe."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.bundles.bundle import Bundle
from shared.training.choices import in_grey, recipe_for, values_of
from shared.training.cross_validation import cross_validate
from shared.training.dataset import Dataset, read_dataset
from shared.training.export import export_bundle
from shared.training.fit import Recipe, fit, identity_of
from shared.training.folds_export import export_from_folds
from shared.training.lineage import Lineage, code_version
from shared.training.mix import between, mix_with_probe, probe_weights
from shared.training.report import Report
from shared.training.request import Request, Watcher, state_folder
from shared.training.splits import split


def train(request: Request, watcher: Watcher) -> tuple[Bundle, Report]:
    """Train a model bundle from a labelled folder.

    With ``request.resume`` a stopped run resumes after its last complete epoch; the result is the same as without the
    stop.

    Returns:
        The bundle, read back and checked, and its report through the serving path: on the validation pictures, or in
        folds on every picture, judged by a network that had not seen it.

    Raises:
        Misconfigured: the data cannot be used, ``out`` has a bundle already, or there is no stopped run to resume.
    """
    code = code_version()
    folder = state_folder(request)
    dataset = read_dataset(request.data, shrink_to_px=max(request.plan.serve_sizes), on_read=watcher.on_read)
    request.plan.check(dataset.labels)
    recipe = recipe_for(request.options, dataset)
    if recipe.grey:
        dataset = in_grey(dataset)
    steps = _in_folds if request.folds else _with_validation
    result = steps(request, dataset, recipe, folder, code, watcher)
    shutil.rmtree(folder)
    return result


def _with_validation(
    request: Request, dataset: Dataset, recipe: Recipe, folder: Path, code: Mapping[str, Any], watcher: Watcher
) -> tuple[Bundle, Report]:
    """Train with some pictures kept apart, on which choices and figures are made."""
    training, validation = split(dataset.examples, request.validation_share, request.group_by)
    watcher.on_data(dataset, training, validation)
    watcher.on_recipe(recipe)
    network, history = fit(
        training,
        validation,
        dataset.labels,
        recipe,
        folder=folder,
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
    return export_bundle(network, lineage, request.plan, request.out, watcher.on_export)


def _in_folds(
    request: Request, dataset: Dataset, recipe: Recipe, folder: Path, code: Mapping[str, Any], watcher: Watcher
) -> tuple[Bundle, Report]:
    """Choose and measure on every picture by networks that have not seen it, then train on all pictures."""
    chosen = cross_validate(request, dataset, recipe, folder, watcher)
    everything = list(dataset.examples)
    watcher.on_run("the bundle's network", len(everything), 0)
    network, own = fit(
        everything,
        [],
        dataset.labels,
        recipe,
        folder=folder / "whole",
        identity=chosen.identity,
        start=request.start,
        stop_after=chosen.epochs,
        on_step=watcher.on_step,
        on_epoch=watcher.on_epoch,
    )
    if chosen.share < 1:
        watcher.on_export("mixing with a linear probe")
        network.set_weights(
            between(probe_weights(everything, dataset.labels, recipe), network.get_weights(), chosen.share)
        )
    options = {name: value for name, value in values_of(recipe, request.options).items() if name != "validation_share"}
    lineage = Lineage(
        dataset,
        everything,
        [],
        chosen.history,
        chosen.mixes,
        recipe,
        options,
        code,
        request.start,
        folds=chosen.as_json(seconds=sum(epoch.seconds for epoch in own)),
    )
    return export_from_folds(network, lineage, chosen, request.plan, request.out, watcher.on_export)
