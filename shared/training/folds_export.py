"""Export a network that was trained on everything as a bundle; its figures were measured out of fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from shared.adapters.runtimes.litert import LiteRTModel
from shared.bundles.bundle import Bundle
from shared.bundles.manifest import Manifest
from shared.training.cross_validation import CrossValidated
from shared.training.dataset import spread
from shared.training.decision import with_decision
from shared.training.export import (
    REPRESENTATIVE,
    RETRAINING,
    Plan,
    accuracy_of,
    agreement,
    bare_manifest,
    finished,
    harder_metrics,
    outputs_of,
    write_networks,
)
from shared.training.fit import predicted, prepared
from shared.training.intervals import auc_interval, expected_elsewhere, share_interval
from shared.training.lineage import Lineage
from shared.training.network import resized
from shared.training.out_of_fold import classifications_of, logits_of, write_out_of_fold
from shared.training.profile import DIRECTIONS_FROM, Seen, fault_of, look_at, with_profile
from shared.training.report import Report, report_of
from shared.training.suspects import FILE as SUSPECTS
from shared.training.suspects import write_suspects

MEASURED = "int8, through the serving path, out of fold: each picture by a network of the recipe that had not seen it"


def export_from_folds(
    network: keras.Model,
    lineage: Lineage,
    chosen: CrossValidated,
    plan: Plan,
    folder: Path,
    on_export: Callable[[str], None],
) -> tuple[Bundle, Report]:
    """Write a bundle into a folder, the manifest last, and read it back.

    In addition to the files of every bundle, the folder gets the out-of-fold predictions of each picture, and a list of
    pictures whose label may be wrong.

    Args:
        network: trained on every picture; takes pixels 0 to 255, returns logits.
        lineage: what the network was made from.
        chosen: the choices of the folds, and the outputs of their networks, which decide temperature and thresholds.
        plan: names and rules.
        folder: created if missing; files of the bundle in it are replaced.
        on_export: called with a text before each step.

    Returns:
        The bundle, and the report on the folds' networks through the serving path with its temperature and thresholds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels, recipe = lineage.dataset.labels, lineage.recipe
    spec = recipe.input_spec(chosen.size_px)
    on_export(f"converting to int8 at {spec.width_px} px")
    served = resized(network, spec.width_px)
    model, explain = write_networks(served, lineage, spec, folder)
    on_export("calibrating on the outputs of the folds' networks")
    logits, targets = logits_of(chosen.judged), chosen.targets
    manifest = bare_manifest(folder, lineage, plan, spec, explain)
    manifest = with_decision(manifest, [logits, *chosen.harder.values()], targets, plan.aim)
    manifest = _profiled(folder, manifest, model, lineage, chosen, on_export)
    classifications = classifications_of(chosen.judged, manifest)
    truth = [picture.label for picture in chosen.judged]
    report = report_of(classifications, truth, labels, manifest.threshold)
    sample = prepared(spread(lineage.training, REPRESENTATIVE), spec)
    whole, halved = predicted(served, sample, 32), keras.models.load_model(folder / RETRAINING)
    int8_logits = outputs_of(model, sample)
    hard = harder_metrics(chosen.harder, targets, manifest) if chosen.harder else {}
    kept = write_out_of_fold(folder, chosen.judged, labels)
    manifest = replace(
        manifest,
        metrics={
            "measured": MEASURED,
            **report.as_json(),
            "intervals": _intervals(report),
            "accuracy_by_fold": _by_fold(chosen, [classification.label for classification in classifications], truth),
            **({"harder": hard, "elsewhere": _elsewhere(hard, report)} if hard else {}),
            "float32": {"accuracy": accuracy_of(chosen.float32, targets)},
            "int8_against_float32": agreement(logits, chosen.float32),
            "served_against_float32": {"images": len(sample), **agreement(int8_logits, whole)},
            "float16_against_float32": agreement(predicted(halved, sample, 32), whole),
            "sizes": [
                {"size_px": round(size.value), "accuracy": size.accuracy, "nll": size.nll} for size in chosen.sizes
            ],
        },
        lineage={**manifest.lineage, "out_of_fold": kept},
    )
    names = {example.sha256: str(example.path) for example in lineage.dataset.examples}
    count = write_suspects(folder / SUSPECTS, chosen.judged, labels, manifest.temperature, names)
    on_export(f"{count} labels may be wrong; {SUSPECTS} lists them, and no picture was left out")
    on_export("writing card, pictures and manifest")
    return finished(folder, manifest, report, lineage, plan, "out of fold"), report


def _profiled(
    folder: Path,
    manifest: Manifest,
    model: LiteRTModel,
    lineage: Lineage,
    chosen: CrossValidated,
    on_export: Callable[[str], None],
) -> Manifest:
    """Write the profile: directions and embeddings are of the bundle's network, scores and novelties out of fold."""
    if fault := fault_of(len(chosen.judged), has_features=bool(chosen.novelties.size)):
        on_export(f"no profile: {fault}")
        return manifest
    on_export("making the profile")
    by_sha256 = {example.sha256: example for example in lineage.dataset.examples}
    examples = [by_sha256[picture.sha256] for picture in chosen.judged]
    own = look_at(model, examples, manifest.input)
    learned = look_at(model, spread(lineage.training, DIRECTIONS_FROM), manifest.input).features
    seen = Seen(logits_of(chosen.judged).astype(np.float32), own.features)
    return with_profile(folder, manifest, learned, examples, seen, chosen.novelties, "out of fold")


def _by_fold(chosen: CrossValidated, predicted: list[str], truth: list[str]) -> list[float]:
    right = np.array(predicted) == np.array(truth)
    folds = np.array([picture.fold for picture in chosen.judged])
    return [round(float(right[folds == fold].mean()), 4) for fold in range(1, len(chosen.fold_sizes) + 1)]


def _intervals(report: Report) -> dict[str, list[float]]:
    """Return 95 % intervals, as if the pictures were independent of each other."""
    intervals = {"accuracy": share_interval(report.accuracy, report.images)}
    if report.binary is not None:
        positive = report.by_label[report.binary.positive].images
        others = report.images - positive
        if report.binary.auc is not None:
            intervals["auc"] = auc_interval(report.binary.auc, positive, others)
        if report.binary.sensitivity is not None:
            intervals["sensitivity"] = share_interval(report.binary.sensitivity, positive)
        if report.binary.specificity is not None:
            intervals["specificity"] = share_interval(report.binary.specificity, others)
    return {name: list(interval) for name, interval in intervals.items()}


def _elsewhere(hard: Mapping[str, Mapping[str, Any]], report: Report) -> dict[str, dict[str, Any]]:
    """Return the expected sensitivity and specificity elsewhere, from the spread over the harder conditions."""
    positives = 0 if report.binary is None else report.by_label[report.binary.positive].images
    expected = {}
    for figure, pictures in (("sensitivity", positives), ("specificity", report.images - positives)):
        mean, interval = expected_elsewhere([figures[figure] for figures in hard.values()], pictures)
        expected[figure] = {"expected": mean, "interval": list(interval)}
    return expected
