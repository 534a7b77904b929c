"""Measure a bundle on labelled pictures through the serving path. Needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from shared.bundles.manifest import Threshold
from shared.errors import Misconfigured, Permanent
from shared.inference.classifier import Classifier
from shared.inference.from_bytes import classify_bytes
from shared.training.binary import BinaryReport, binary_report
from shared.training.calibration import Bin, expected_calibration_error, reliability
from shared.training.dataset import BadFile
from shared.types import Classification


@dataclass(frozen=True, slots=True)
class LabelReport:
    """The figures of one label."""

    precision: float
    """Share of the pictures with this predicted label that have it."""
    recall: float
    """Share of the pictures with this label that are predicted so."""
    f1: float
    images: int


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a bundle on some pictures. Shares are 0 to 1, rounded to four digits."""

    images: int
    accuracy: float
    macro_f1: float
    ece: float
    """Expected calibration error over 15 bins, of the scores as served."""
    nll: float
    """Negative log-likelihood of the scores as served, in nats."""
    needs_review: float
    """Share of pictures whose best score is below the bundle's threshold."""
    accepted_accuracy: float | None
    """Accuracy of the other pictures; None without any."""
    by_label: Mapping[str, LabelReport]
    confusion: tuple[tuple[int, ...], ...]
    """Rows: the true label; columns: the predicted one; both in the bundle's order."""
    reliability: tuple[Bin, ...]
    """Bins of the scores as served, from the lowest on; bins without a picture are left out."""
    binary: BinaryReport | None = None
    """Only with two labels."""

    def as_json(self) -> dict[str, Any]:
        """Return the report as in a manifest and in ``bucketlens evaluate --json``."""
        return {
            "images": self.images,
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "ece": self.ece,
            "nll": self.nll,
            "needs_review": self.needs_review,
            "accepted_accuracy": self.accepted_accuracy,
            "by_label": {
                label: {"precision": part.precision, "recall": part.recall, "f1": part.f1, "images": part.images}
                for label, part in self.by_label.items()
            },
            "confusion": [list(row) for row in self.confusion],
            **({} if self.binary is None else self.binary.as_json()),
        }


FEW = 50
"""With fewer pictures, a measured 90% may be anything from 78 to 97%: https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval"""


def too_few(images: int, what: str) -> str | None:
    """Return a warning where the number of measured pictures is too small for reliable figures, else None."""
    if images >= FEW:
        return None
    return f"{images} {what} are too few to judge the model; use {FEW} or more"


def measure(
    classifier: Classifier,
    files: Sequence[tuple[Path, str]],
    on_done: Callable[[], None] = lambda: None,
    threads: int = 2,
) -> tuple[Report, list[BadFile]]:
    """Classify files as the functions do - decoded at the model's size, fitted, run, calibrated - and compare.

    Args:
        classifier: calls beyond what its model runs in parallel wait.
        files: each with its true label, one of the bundle's.
        on_done: called after each file, from other threads.
        threads: number of files that are read in parallel.

    Returns:
        The report on the files that decoded, and the files that did not.

    Raises:
        Misconfigured: no file decoded.
    """

    def classify(file: tuple[Path, str]) -> Classification | BadFile:
        try:
            return classify_bytes(classifier, file[0].read_bytes())
        except Permanent as error:
            return BadFile(file[0], str(error))
        except OSError as error:
            return BadFile(file[0], f"It cannot be read ({error.strerror}).")
        finally:
            on_done()

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(classify, files))
    bad_files = [result for result in results if isinstance(result, BadFile)]
    classified = [
        (result, label) for result, (_, label) in zip(results, files, strict=True) if isinstance(result, Classification)
    ]
    if not classified:
        raise Misconfigured("the data", [f"none of its {len(files)} files can be read as an image"])
    manifest = classifier.bundle.manifest
    return report_of(
        [result for result, _ in classified], [label for _, label in classified], manifest.labels, manifest.threshold
    ), bad_files


def report_of(
    results: Sequence[Classification], truth: Sequence[str], labels: Sequence[str], threshold: Threshold | None = None
) -> Report:
    """Compare classifications with the true labels.

    Args:
        results: at least one.
        truth: the true label of each.
        labels: the bundle's labels, in its order.
        threshold: the bundle's threshold; without it, the last of two labels is the positive one.
    """
    predicted, true_labels = [result.label for result in results], list(truth)
    correct = np.array([label == true for label, true in zip(predicted, true_labels, strict=True)])
    scores = np.array([result.score for result in results])
    reviewed = np.array([result.needs_review for result in results])
    precision, recall, f1, support = precision_recall_fscore_support(
        true_labels, predicted, labels=labels, zero_division=0
    )
    present = np.asarray(support) > 0
    binary = _binary(results, true_labels, labels, threshold)
    by_label = {
        label: LabelReport(_rounded(precision[i]), _rounded(recall[i]), _rounded(f1[i]), int(support[i]))
        for i, label in enumerate(labels)
    }
    return Report(
        images=len(true_labels),
        accuracy=_rounded(correct.mean()),
        macro_f1=_rounded(np.asarray(f1)[present].mean()),
        ece=_rounded(expected_calibration_error(scores, correct)),
        nll=_rounded(-np.log(_scores_of(results, true_labels)).mean()),
        needs_review=_rounded(reviewed.mean()),
        accepted_accuracy=_rounded(correct[~reviewed].mean()) if (~reviewed).any() else None,
        by_label=by_label,
        confusion=tuple(tuple(map(int, row)) for row in confusion_matrix(true_labels, predicted, labels=list(labels))),
        reliability=tuple(reliability(scores, correct) if binary is None else reliability(*binary[1:])),
        binary=None if binary is None else binary[0],
    )


def _binary(
    results: Sequence[Classification], truth: Sequence[str], labels: Sequence[str], threshold: Threshold | None
) -> tuple[BinaryReport, npt.NDArray[np.float64], npt.NDArray[np.bool_]] | None:
    """Return the positive label's report, its scores, and where it is the true label; None without two labels."""
    if len(labels) != 2:
        return None
    positive = threshold or Threshold(labels[-1], 0.5)
    scores = _scores_of(results, [positive.positive] * len(results))
    true = np.array([label == positive.positive for label in truth])
    predicted = np.array([result.label == positive.positive for result in results])
    return binary_report(positive.positive, positive.score, scores, true, predicted), scores, true


def _scores_of(results: Sequence[Classification], labels: Sequence[str]) -> npt.NDArray[np.float64]:
    scores = [
        next(candidate.score for candidate in result.candidates if candidate.label == label)
        for result, label in zip(results, labels, strict=True)
    ]
    return np.clip(np.array(scores, np.float64), 1e-12, 1)


def _rounded(value: Any) -> float:
    return round(float(value), 4)
