"""Decide a bundle's temperature, threshold (of two labels) and review limit from labelled pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shared.bundles.manifest import Manifest, Threshold
from shared.inference.classifier import calibrate_scores, decide_label
from shared.training.binary import Goal, best_threshold
from shared.training.calibration import best_temperature, probabilities, review_threshold
from shared.types import Classification

Logits = npt.NDArray[np.floating]

GOAL = Goal()
REVIEW_ACCURACY = 0.995
"""Share of correct predictions among those that need no review."""


@dataclass(frozen=True, slots=True)
class Aim:
    """The aim of a decision."""

    positive: str | None = None
    """The label, of two, that the threshold is for; None for the last."""
    goal: Goal = GOAL
    review_accuracy: float = REVIEW_ACCURACY
    """0 to 1."""


def decisions(logits: Logits, manifest: Manifest) -> list[Classification]:
    """Classify logits, shape (n, labels), by a bundle's temperature and thresholds; one classification a row."""
    rows = logits.astype(np.float32)
    return [decide_label(calibrate_scores(row, manifest.activation, manifest.temperature), manifest) for row in rows]


def with_decision(manifest: Manifest, seen: Sequence[Logits], targets: npt.NDArray[np.int64], aim: Aim) -> Manifest:
    """Return a manifest with its temperature, the threshold of two labels, and the score below which a person looks.

    Args:
        manifest: the bundle's manifest.
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
        threshold = Threshold(positive, best_threshold(of_each, targets == column, aim.goal))
    manifest = replace(manifest, temperature=temperature, threshold=threshold)
    predictions = [decide_label(row.astype(np.float32), manifest) for row in scores]
    correct = np.array(
        [prediction.label == manifest.labels[target] for prediction, target in zip(predictions, truth, strict=True)]
    )
    below = review_threshold(np.array([prediction.score for prediction in predictions]), correct, aim.review_accuracy)
    return replace(manifest, review_below=below)
