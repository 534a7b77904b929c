"""Export a trained network as a bundle: choose the serving size, convert, calibrate, measure the served model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from shared.adapters.runtimes.litert import LiteRTModel
from shared.bundles.bundle import Bundle, digest_of, load_bundle
from shared.bundles.manifest import LABELS, Explain, InputSpec, Manifest, write_manifest
from shared.errors import Misconfigured
from shared.inference.classifier import Classifier, prepare
from shared.inference.from_bytes import decode_to_fit
from shared.training.batches import targets_of
from shared.training.binary import Goal
from shared.training.card import write_card
from shared.training.convert import write_float16, write_int8
from shared.training.dataset import Example, spread
from shared.training.decision import Aim, decisions, with_decision
from shared.training.fit import prepared
from shared.training.harder import CONDITIONS, worsen
from shared.training.lineage import Lineage
from shared.training.network import resized
from shared.training.pictures import draw_confusion, draw_learning_curve, draw_reliability
from shared.training.profile import profiled
from shared.training.report import Report, measure, report_of
from shared.training.serving_size import chosen, try_sizes
from shared.training.silence import silence

MODEL, RETRAINING = "model.tflite", "model.keras"
CURVE, CONFUSION, RELIABILITY = "learning_curve.png", "confusion_matrix.png", "reliability.png"

REPRESENTATIVE = 400
"""Number of training pictures that the ranges of int8 are measured on."""

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Plan:
    """A bundle's name, and the rules by which its parameters are chosen."""

    name: str
    version: str
    description: str
    serve_sizes: tuple[int, ...]
    """Edges in pixels that serving may use; the validation pictures decide between them."""
    review_accuracy: float
    """The accuracy that predictions without review should have, 0 to 1."""
    positive: str | None = None
    """The label, of two, whose score decides; None for the last."""
    goal: Goal = field(default_factory=Goal)
    """The goal of its threshold."""
    harder: bool = True
    """Use the validation pictures under harder conditions too, for calibration and threshold; only with two labels."""
    limits: str = ""
    """Markdown for the card: the uses that the model is not made for, and where it fails."""

    @property
    def aim(self) -> Aim:
        """The aim of its decision."""
        return Aim(self.positive, self.goal, self.review_accuracy)

    def check(self, labels: Sequence[str]) -> None:
        """Check that the positive label is one of two.

        Raises:
            Misconfigured: the positive label is not one of two labels.
        """
        if self.positive is not None and (len(labels) != 2 or self.positive not in labels):
            fault = f"the positive label {self.positive!r} must be one of two labels, there are {', '.join(labels)}"
            raise Misconfigured("the data", [fault])


def export_bundle(
    network: keras.Model, lineage: Lineage, plan: Plan, folder: Path, on_export: Callable[[str], None]
) -> tuple[Bundle, Report]:
    """Write a bundle into a folder, the manifest last, and read it back.

    Args:
        network: takes pixels 0 to 255, returns logits.
        lineage: what the network was made from.
        plan: names and rules.
        folder: created if missing; files of the bundle in it are replaced.
        on_export: called with a text before each step.

    Returns:
        The bundle, and its report on the validation pictures through the serving path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels, recipe, validation = lineage.dataset.labels, lineage.recipe, lineage.validation
    on_export("choosing the size to serve at")
    trials = try_sizes(network, plan.serve_sizes, validation, labels, recipe)
    spec = recipe.input_spec(chosen(trials).size_px)
    on_export(f"converting to int8 at {spec.width_px} px")
    served = resized(network, spec.width_px)
    model, explain = write_networks(served, lineage, spec, folder)
    on_export("calibrating and measuring the served model")
    pixels, targets = prepared(validation, spec), targets_of(validation, labels)
    logits = outputs_of(model, pixels)
    hard = harder_logits(model, validation, spec) if plan.harder and len(labels) == 2 else {}
    manifest = bare_manifest(folder, lineage, plan, spec, explain)
    manifest = with_decision(manifest, [logits, *hard.values()], targets, plan.aim)
    manifest = profiled(folder, manifest, model, lineage.training, validation, on_export)
    report = measure(
        Classifier(Bundle(folder, manifest, ""), model), [(example.path, example.label) for example in validation]
    )[0]
    whole, halved = served.predict(pixels, verbose=0), keras.models.load_model(folder / RETRAINING)
    manifest = replace(
        manifest,
        metrics={
            "measured": "int8, through the serving path, on the validation pictures",
            **report.as_json(),
            **({"harder": harder_metrics(hard, targets, manifest)} if hard else {}),
            "float32": {"accuracy": accuracy_of(whole, targets)},
            "int8_against_float32": agreement(logits, whole),
            "float16_against_float32": agreement(halved.predict(pixels, verbose=0), whole),
            "sizes": [{"size_px": trial.size_px, "accuracy": trial.accuracy, "nll": trial.nll} for trial in trials],
        },
    )
    on_export("writing card, pictures and manifest")
    return finished(folder, manifest, report, lineage, plan, "validation"), report


def write_networks(
    served: keras.Model, lineage: Lineage, spec: InputSpec, folder: Path
) -> tuple[LiteRTModel, Explain | None]:
    """Write the network in int8 and for retraining, and the labels, into a bundle's folder."""
    model, explain = int8_model(served, lineage.training, spec, folder / MODEL)
    write_float16(served, folder / RETRAINING)
    (folder / LABELS).write_text("".join(f"{label}\n" for label in lineage.dataset.labels), "utf-8")
    return model, explain


def int8_model(
    network: keras.Model, training: Sequence[Example], spec: InputSpec, path: Path
) -> tuple[LiteRTModel, Explain | None]:
    """Convert a network to int8, its ranges measured on some of the training pictures, and open it as serving does."""
    explain = write_int8(network, prepared(spread(training, REPRESENTATIVE), spec), path)
    with silence():  # LiteRT prints a line once in each process
        return LiteRTModel(path, threads=2, explain=explain), explain


def served_logits(model: LiteRTModel, examples: Sequence[Example], spec: InputSpec) -> Logits:
    """Return the model's outputs for files, decoded at its size and fitted as in serving, shape (n, labels)."""

    def run(example: Example) -> npt.NDArray[np.float32]:
        image = decode_to_fit(spec, example.path.read_bytes())
        return model.run(prepare(image.pixels, spec))

    with ThreadPoolExecutor(2) as threads:
        return np.stack(list(threads.map(run, examples)))


def harder_logits(model: LiteRTModel, examples: Sequence[Example], spec: InputSpec) -> dict[str, Logits]:
    """Return the model's outputs for the pictures under each harder condition, each of shape (n, labels)."""
    return {
        name: np.stack([model.run(prepare(worsen(example.pixels, name), spec)) for example in examples])
        for name in CONDITIONS
    }


def finished(
    folder: Path, manifest: Manifest, report: Report, lineage: Lineage, plan: Plan, measured_on: str
) -> Bundle:
    """Write card and pictures, the manifest last, and read the bundle back."""
    draw_learning_curve(lineage.history, folder / CURVE)
    title = f"{plan.name} {plan.version}, {measured_on}"
    draw_confusion(report.confusion, manifest.labels, title, folder / CONFUSION)
    draw_reliability(report.reliability, title, folder / RELIABILITY)
    write_card(folder, manifest, plan)
    write_manifest(folder, manifest)
    return load_bundle(folder)


def outputs_of(model: LiteRTModel, pixels: npt.NDArray[np.uint8]) -> Logits:
    """Return the model's outputs for prepared pictures, shape (n, labels)."""
    return np.stack([model.run(picture[np.newaxis]) for picture in pixels])


def harder_metrics(
    hard: Mapping[str, npt.NDArray[np.floating]], targets: npt.NDArray[np.int64], manifest: Manifest
) -> dict[str, dict[str, Any]]:
    """Return the bundle's figures under each condition."""
    truth, metrics = [manifest.labels[target] for target in targets], {}
    for name, logits in hard.items():
        figures = report_of(decisions(logits, manifest), truth, manifest.labels, manifest.threshold).as_json()
        names = ("images", "accuracy", "auc", "sensitivity", "specificity", "ece", "nll", "needs_review")
        metrics[name] = {figure: figures[figure] for figure in names}
    return metrics


def bare_manifest(folder: Path, lineage: Lineage, plan: Plan, spec: InputSpec, explain: Explain | None) -> Manifest:
    """Return the manifest of a bundle whose files are written, without the measured parts."""
    facts = {**lineage.as_json(), "retraining": {"file": RETRAINING, "sha256": digest_of(folder / RETRAINING)}}
    return Manifest(
        name=plan.name,
        version=plan.version,
        description=plan.description,
        runtime="litert",
        model_file=MODEL,
        labels=lineage.dataset.labels,
        input=spec,
        activation="logits",
        temperature=1.0,
        review_below=0.0,
        metrics={},
        lineage={**facts, "limits": plan.limits} if plan.limits else facts,
        files={name: digest_of(folder / name) for name in (MODEL, LABELS)},
        explain=explain,
    )


def accuracy_of(logits: npt.NDArray[np.floating], targets: npt.NDArray[np.int64]) -> float:
    """Return the share of correct predictions, rounded to four digits."""
    return round(float((logits.argmax(axis=1) == targets).mean()), 4)


def agreement(logits: npt.NDArray[np.floating], reference: npt.NDArray[np.floating]) -> dict[str, Any]:
    """Return how closely a smaller copy of the network agrees with the network."""
    return {
        "same_label": round(float((logits.argmax(axis=1) == reference.argmax(axis=1)).mean()), 4),
        "mean_logit_difference": round(float(np.abs(logits - reference).mean()), 5),
        "largest_logit_difference": round(float(np.abs(logits - reference).max()), 5),
    }
