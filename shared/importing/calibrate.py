"""Calibrate an imported model on labelled pictures, measure it, and check that its scaling fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from shared.bundles.bundle import Bundle
from shared.bundles.manifest import InputSpec, Manifest
from shared.errors import Misconfigured, Permanent
from shared.images.decode import Limits, decode
from shared.importing.scaling import NAMED
from shared.inference.classifier import Classifier, calibrate_scores, prepare
from shared.ports import Model
from shared.training.dataset import files_by_label, labels_of, spread_indices
from shared.training.decision import Aim, with_decision
from shared.training.report import Report, report_of
from shared.types import Pixels

TRIED = 100
"""Number of pictures for other scalings: enough to recognise a wrong scaling, which is right as often as chance."""

CLEARLY_BETTER = 0.1
"""Share of pictures; with a hundred pictures a smaller difference may be chance."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Pictures with known labels."""

    pictures: tuple[Pixels, ...]
    targets: tuple[int, ...]
    """Index of each picture's label, in the order of the model's."""
    left_out: int
    """Number of files that are not pictures."""


def read_labelled(folder: Path, manifest: Manifest, on_read: Callable[[], None]) -> Labelled:
    """Read a folder with a sub-folder for each label.

    Args:
        folder: its sub-folders are labels of the model; some may be missing.
        manifest: the model's manifest.
        on_read: called after each file.

    Raises:
        Misconfigured: a sub-folder is not a label of the model, or one of two labels has no picture.
    """
    labels = manifest.labels
    if unknown := sorted(set(labels_of(folder)) - set(labels)):
        known = ", ".join(labels[:10]) + (", …" if len(labels) > 10 else "")
        fault = f"{', '.join(unknown[:5])} is not a label of the model, expected sub-folders among {known}"
        raise Misconfigured(f"the pictures in {folder.name}", [fault])
    pictures: list[tuple[Pixels, int]] = []
    files = files_by_label(folder)
    for path, label in files:
        try:
            image = decode(path.read_bytes(), Limits(), shrink_to_px=manifest.input.long_edge_px)
            pictures.append((image.pixels, labels.index(label)))
        except (Permanent, OSError):
            pass
        on_read()
    targets = tuple(target for _, target in pictures)
    if not pictures or (len(labels) == 2 and len(set(targets)) < 2):
        fault = f"{len(pictures)} of {len(files)} files are pictures; calibration needs some, and of two labels both"
        raise Misconfigured(f"the pictures in {folder.name}", [fault])
    return Labelled(tuple(pixels for pixels, _ in pictures), targets, len(files) - len(pictures))


def calibrate(
    manifest: Manifest, model: Model, labelled: Labelled, positive: str | None, on_picture: Callable[[], None]
) -> tuple[Manifest, Report]:
    """Fit temperature, threshold and review score, and measure the model with them, all on the same pictures.

    Args:
        manifest: the manifest of the future bundle.
        model: the model that will serve it.
        labelled: pictures that the model was not trained on, so that the figures are meaningful.
        positive: the label, of two, that the threshold is for; None for the last.
        on_picture: called after each picture.
    """
    rows = []
    for pixels in labelled.pictures:
        outputs = model.run(prepare(pixels, manifest.input))
        rows.append(
            np.log(np.clip(calibrate_scores(outputs, manifest.activation, 1.0, len(manifest.labels)), 1e-12, 1))
        )
        on_picture()
    targets = np.array(labelled.targets, np.int64)
    fitted = with_decision(manifest, [np.array(rows, np.float64)], targets, Aim(positive))
    classifier = Classifier(Bundle(Path(), fitted, ""), model)
    classifications = [classifier.classify(pixels) for pixels in labelled.pictures]
    truth = [manifest.labels[target] for target in labelled.targets]
    report = report_of(classifications, truth, manifest.labels, fitted.threshold)
    measured = {"measured": "on the pictures that calibrated it, through the serving path", **report.as_json()}
    return replace(fitted, metrics=measured), report


def better_scaling(manifest: Manifest, model: Model, labelled: Labelled) -> str | None:
    """Try the other common scalings, and return a remark where one is right much more often.

    Args:
        manifest: the manifest of the model with a float32 input.
        model: takes float32.
        labelled: at most 100 of these pictures are tried.
    """
    spec = manifest.input
    if spec.dtype != "float32":
        return None
    chosen = spread_indices(len(labelled.pictures), TRIED)
    pictures = [labelled.pictures[index] for index in chosen]
    targets = [labelled.targets[index] for index in chosen]
    shares = {}
    for name, scaling in NAMED.items():
        if spec.depth == 1 and isinstance(scaling.offset, tuple):
            continue
        channels = "L" if spec.channels == "L" else scaling.channels
        other = replace(spec, scale=scaling.scale, offset=scaling.offset, channels=channels)
        shares[name] = _share_right(manifest, model, other, pictures, targets)
    own_share = _share_right(manifest, model, spec, pictures, targets)
    best = max(shares, key=lambda name: shares[name])
    if shares[best] < own_share + CLEARLY_BETTER:
        return None
    return (
        f"with its scaling ({manifest.lineage['scaling']['is']}) it is right for {own_share:.0%} of "
        f"{len(pictures)} labelled pictures, with {best} for {shares[best]:.0%}: if it was trained so, import it again "
        f"with --scaling {best}"
    )


def _share_right(
    manifest: Manifest, model: Model, spec: InputSpec, pictures: Sequence[Pixels], targets: Sequence[int]
) -> float:
    classifier = Classifier(Bundle(Path(), replace(manifest, input=spec), ""), model)
    predicted = [classifier.classify(pixels).label for pixels in pictures]
    truth = [manifest.labels[target] for target in targets]
    return sum(label == true for label, true in zip(predicted, truth, strict=True)) / len(predicted)
