"""A trained network becomes a bundle: choose the serving size, convert, calibrate, measure what will be served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from shared.adapters.litert import LiteRTModel
from shared.bundle import LABELS, Bundle, InputSpec, Manifest, digest_of, load_bundle, write_manifest
from shared.classify import Classifier
from shared.training.batches import targets_of
from shared.training.calibration import best_temperature, probabilities, review_threshold
from shared.training.card import write_card
from shared.training.convert import write_float16, write_int8
from shared.training.dataset import Example
from shared.training.fit import prepared
from shared.training.lineage import Lineage
from shared.training.network import resized
from shared.training.pictures import draw_confusion, draw_learning_curve
from shared.training.report import Report, measure
from shared.training.serving_size import chosen, try_sizes

MODEL, RETRAINING = "model.tflite", "model.keras"
CURVE, CONFUSION = "learning_curve.png", "confusion_matrix.png"

REPRESENTATIVE = 400
"""Training pictures that the ranges of int8 are measured on."""

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a bundle is called and how its choices are made."""

    name: str
    version: str
    description: str
    serve_sizes: tuple[int, ...]
    """Edges in pixels that serving may use; the validation pictures choose one."""
    review_accuracy: float
    """What accuracy the predictions that need no review should have, 0 to 1."""


def export_bundle(
    network: keras.Model, lineage: Lineage, plan: Plan, folder: Path, on_export: Callable[[str], None]
) -> tuple[Bundle, Report]:
    """Write a bundle into a folder, the manifest last, and read it back.

    Args:
        network: takes pixels 0 to 255, returns logits.
        lineage: what it was made from.
        plan: names and rules.
        folder: made if it is not there; files of the bundle in it are replaced.
        on_export: told what is being made.

    Returns:
        The bundle, and how it does on the validation pictures through the serving path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels, recipe, validation = lineage.dataset.labels, lineage.recipe, lineage.validation
    on_export("choosing the size to serve at")
    trials = try_sizes(network, plan.serve_sizes, validation, labels, recipe)
    spec = recipe.input_spec(chosen(trials).size_px)
    on_export(f"converting to int8 at {spec.width_px} px")
    served = resized(network, spec.width_px)
    write_int8(served, prepared(_spread(lineage.training, REPRESENTATIVE), spec), folder / MODEL)
    write_float16(served, folder / RETRAINING)
    (folder / LABELS).write_text("".join(f"{label}\n" for label in labels), "utf-8")
    on_export("calibrating, and measuring what will be served")
    model = LiteRTModel(folder / MODEL, threads=2)
    pixels, targets = prepared(validation, spec), targets_of(validation, labels)
    logits = np.stack([model.run(picture[np.newaxis]) for picture in pixels])
    manifest = _manifest(folder, lineage, plan, spec, *_calibration(logits, targets, plan.review_accuracy))
    report = measure(Classifier(Bundle(folder, manifest, ""), model), [(one.path, one.label) for one in validation])[0]
    whole, halved = served.predict(pixels, verbose=0), keras.models.load_model(folder / RETRAINING)
    manifest = replace(
        manifest,
        metrics={
            "measured": "int8, through the serving path, on the validation pictures",
            **report.as_json(),
            "float32": {"accuracy": _accuracy(whole, targets)},
            "int8_against_float32": _agreement(logits, whole),
            "float16_against_float32": _agreement(halved.predict(pixels, verbose=0), whole),
            "sizes": [{"size_px": one.size_px, "accuracy": one.accuracy, "nll": one.nll} for one in trials],
        },
    )
    on_export("writing card, pictures and manifest")
    draw_learning_curve(lineage.history, folder / CURVE)
    draw_confusion(report.confusion, labels, f"{plan.name} {plan.version}, validation", folder / CONFUSION)
    write_card(folder, manifest, plan.review_accuracy)
    write_manifest(folder, manifest)
    return load_bundle(folder), report


def _spread(examples: Sequence[Example], count: int) -> list[Example]:
    """Some of the examples, at equal distances, so that each label has its share."""
    chosen_indices = np.unique(np.linspace(0, len(examples) - 1, min(count, len(examples))).round().astype(int))
    return [examples[index] for index in chosen_indices]


def _calibration(logits: Logits, targets: npt.NDArray[np.int64], review_accuracy: float) -> tuple[float, float]:
    """Temperature, and the score below which a person looks."""
    temperature = best_temperature(logits, targets)
    scores = probabilities(logits, temperature)
    correct = scores.argmax(axis=1) == targets
    return temperature, review_threshold(scores.max(axis=1), correct, review_accuracy)


def _manifest(
    folder: Path, lineage: Lineage, plan: Plan, spec: InputSpec, temperature: float, review_below: float
) -> Manifest:
    return Manifest(
        name=plan.name,
        version=plan.version,
        description=plan.description,
        runtime="litert",
        model_file=MODEL,
        labels=lineage.dataset.labels,
        input=spec,
        activation="logits",
        temperature=temperature,
        review_below=review_below,
        metrics={},
        lineage={**lineage.as_json(), "retraining": {"file": RETRAINING, "sha256": digest_of(folder / RETRAINING)}},
        files={name: digest_of(folder / name) for name in (MODEL, LABELS)},
    )


def _accuracy(logits: Logits, targets: npt.NDArray[np.int64]) -> float:
    return round(float((logits.argmax(axis=1) == targets).mean()), 4)


def _agreement(logits: Logits, reference: Logits) -> dict[str, Any]:
    """How far a smaller copy of the network is from the network."""
    return {
        "same_label": round(float((logits.argmax(axis=1) == reference.argmax(axis=1)).mean()), 4),
        "mean_logit_difference": round(float(np.abs(logits - reference).mean()), 5),
        "largest_logit_difference": round(float(np.abs(logits - reference).max()), 5),
    }
