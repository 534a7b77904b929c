"""What labelled pictures decide of a bundle: its temperature, with two labels its threshold, and who needs a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shared.bundles.manifest import Manifest, Threshold
from shared.inference.classifier import calibrate_scores, decide_label
from shared.training.binary import Wanted, best_threshold
from shared.training.calibration import best_temperature, probabilities, review_threshold
from shared.types import Classification

Logits = npt.NDArray[np.floating]

WANTED = Wanted()
REVIEW_ACCURACY = 0.995
"""Share of right ones among the predictions that no person sees."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What a decision should reach."""

    positive: str | None = None
    """Of two labels the one that the threshold is for; None for the last."""
    wanted: Wanted = WANTED
    review_accuracy: float = REVIEW_ACCURACY
    """0 to 1."""


def decisions(logits: Logits, manifest: Manifest) -> list[Classification]:
    """Return what a bundle's temperature and thresholds make of logits, shape (n, labels), a line each."""
    rows = logits.astype(np.float32)
    return [decide_label(calibrate_scores(row, manifest.activation, manifest.temperature), manifest) for row in rows]


def with_decision(manifest: Manifest, seen: Sequence[Logits], targets: npt.NDArray[np.int64], aim: Aim) -> Manifest:
    """Fill in the temperature, with two labels the threshold, and the score below which a person looks.

    Args:
        manifest: of the bundle.
        seen: logits of the labelled pictures, shape (n, labels), and then those of the same pictures under each harder
            condition.
        targets: index of the true label, shape (n,).
        aim: what the decision should reach.
    """
    logits, truth = np.concatenate(seen), np.tile(targets, len(seen))
    temperature = best_temperature(logits, truth)
    scores = probabilities(logits, temperature)
    threshold = None
    if len(manifest.labels) == 2:
        positive = aim.positive or manifest.labels[-1]
        column = manifest.labels.index(positive)
        of_each = np.split(scores[:, column], len(seen))
        threshold = Threshold(positive, best_threshold(of_each, targets == column, aim.wanted))
    manifest = replace(manifest, temperature=temperature, threshold=threshold)
    said = [decide_label(row.astype(np.float32), manifest) for row in scores]
    correct = np.array([one.label == manifest.labels[target] for one, target in zip(said, truth, strict=True)])
    below = review_threshold(np.array([one.score for one in said]), correct, aim.review_accuracy)
    return replace(manifest, review_below=below)
