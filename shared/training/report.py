"""How well a bundle does on labelled pictures, measured through the serving path. Needs no TensorFlow."""

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
    """One label's share."""

    precision: float
    """Of the pictures that were given this label, how many have it."""
    recall: float
    """Of the pictures that have this label, how many were given it."""
    f1: float
    images: int


@dataclass(frozen=True, slots=True)
class Report:
    """Shares are 0 to 1, rounded to four digits."""

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
    """Accuracy of the others; None where there are none."""
    by_label: Mapping[str, LabelReport]
    confusion: tuple[tuple[int, ...], ...]
    """Rows: the true label; columns: the predicted one; both in the bundle's order."""
    reliability: tuple[Bin, ...]
    """Of the scores as served, from the lowest on; bins without a picture are left out."""
    binary: BinaryReport | None = None
    """Only with two labels."""

    def as_json(self) -> dict[str, Any]:
        """Return the report as it stands in a manifest and in ``bucketlens evaluate --json``."""
        return {
            "images": self.images,
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "ece": self.ece,
            "nll": self.nll,
            "needs_review": self.needs_review,
            "accepted_accuracy": self.accepted_accuracy,
            "by_label": {
                label: {"precision": one.precision, "recall": one.recall, "f1": one.f1, "images": one.images}
                for label, one in self.by_label.items()
            },
            "confusion": [list(row) for row in self.confusion],
            **({} if self.binary is None else self.binary.as_json()),
        }


FEW = 50
"""With fewer pictures, a share of 90% may be one of 78 to 97%: https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval"""


def too_few(images: int, what: str) -> str | None:
    """Return a sentence where so few pictures were measured that the figures tell hardly anything, else None."""
    if images >= FEW:
        return None
    return f"{images} {what} are too few to tell how good the model is: {FEW} or more are better"


def measure(
    classifier: Classifier,
    files: Sequence[tuple[Path, str]],
    on_done: Callable[[], None] = lambda: None,
    threads: int = 2,
) -> tuple[Report, list[BadFile]]:
    """Classify files as the functions do - decoded at the model's size, fitted, run, calibrated - and compare.

    Args:
        classifier: if its model allows fewer calls at once than there are threads, the others wait.
        files: each with its true label, one of the bundle's.
        on_done: called after each file, from other threads.
        threads: how many files at once.

    Returns:
        The report on what decoded, and what did not.

    Raises:
        Misconfigured: nothing decoded.
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
    said = [
        (result, label) for result, (_, label) in zip(results, files, strict=True) if isinstance(result, Classification)
    ]
    if not said:
        raise Misconfigured("the data", [f"none of its {len(files)} files can be read as an image"])
    manifest = classifier.bundle.manifest
    return report_of(
        [one for one, _ in said], [label for _, label in said], manifest.labels, manifest.threshold
    ), bad_files


def report_of(
    results: Sequence[Classification], truth: Sequence[str], labels: Sequence[str], threshold: Threshold | None = None
) -> Report:
    """Compare classifications with the true labels.

    Args:
        results: at least one.
        truth: the true label of each.
        labels: the bundle's, in its order.
        threshold: the bundle's; without one, the last of two labels counts as the positive one.
    """
    predicted, wanted = [result.label for result in results], list(truth)
    correct = np.array([given == true for given, true in zip(predicted, wanted, strict=True)])
    scores = np.array([result.score for result in results])
    reviewed = np.array([result.needs_review for result in results])
    precision, recall, f1, support = precision_recall_fscore_support(wanted, predicted, labels=labels, zero_division=0)
    present = np.asarray(support) > 0
    binary = _binary(results, wanted, labels, threshold)
    by_label = {
        label: LabelReport(_rounded(precision[i]), _rounded(recall[i]), _rounded(f1[i]), int(support[i]))
        for i, label in enumerate(labels)
    }
    return Report(
        images=len(wanted),
        accuracy=_rounded(correct.mean()),
        macro_f1=_rounded(np.asarray(f1)[present].mean()),
        ece=_rounded(expected_calibration_error(scores, correct)),
        nll=_rounded(-np.log(_scores_of(results, wanted)).mean()),
        needs_review=_rounded(reviewed.mean()),
        accepted_accuracy=_rounded(correct[~reviewed].mean()) if (~reviewed).any() else None,
        by_label=by_label,
        confusion=tuple(tuple(map(int, row)) for row in confusion_matrix(wanted, predicted, labels=list(labels))),
        reliability=tuple(reliability(scores, correct) if binary is None else reliability(*binary[1:])),
        binary=None if binary is None else binary[0],
    )


def _binary(
    results: Sequence[Classification], truth: Sequence[str], labels: Sequence[str], threshold: Threshold | None
) -> tuple[BinaryReport, npt.NDArray[np.float64], npt.NDArray[np.bool_]] | None:
    """Of two labels the positive one's report, its scores, and where it is the true one."""
    if len(labels) != 2:
        return None
    positive = threshold or Threshold(labels[-1], 0.5)
    scores = _scores_of(results, [positive.positive] * len(results))
    true = np.array([label == positive.positive for label in truth])
    given = np.array([result.label == positive.positive for result in results])
    return binary_report(positive.positive, positive.score, scores, true, given), scores, true


def _scores_of(results: Sequence[Classification], labels: Sequence[str]) -> npt.NDArray[np.float64]:
    scores = [
        next(candidate.score for candidate in result.candidates if candidate.label == label)
        for result, label in zip(results, labels, strict=True)
    ]
    return np.clip(np.array(scores, np.float64), 1e-12, 1)


def _rounded(value: Any) -> float:
    return round(float(value), 4)
