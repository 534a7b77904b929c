"""Choose the serving size: somewhat larger than the training crops is often more accurate, and always costs more.

Random crops enlarge what they show, so whole pictures at the training size show objects smaller than the network is
used to (Touvron et al., "Fixing the train-test resolution discrepancy", 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras

from shared.training.batches import targets_of
from shared.training.calibration import best_temperature, negative_log_likelihood
from shared.training.dataset import Example
from shared.training.fit import Recipe, prepared
from shared.training.network import resized

WORTH = 0.95
"""A larger size must bring the loss to this share of the smaller one's."""


@dataclass(frozen=True, slots=True)
class SizeTrial:
    """The float32 network's figures at one size."""

    size_px: int
    accuracy: float
    nll: float
    """Negative log-likelihood after temperature scaling, in nats."""


def try_sizes(
    network: keras.Model, sizes: Sequence[int], examples: Sequence[Example], labels: Sequence[str], recipe: Recipe
) -> list[SizeTrial]:
    """Measure the network at several sizes, the smallest first.

    Args:
        network: fully convolutional, takes pixels 0 to 255, returns logits.
        sizes: edges in pixels.
        examples: pictures that the network was not trained on.
        labels: the order of the logits.
        recipe: decides how pictures are fitted.
    """
    targets, trials = targets_of(examples, labels), []
    for size in sorted(set(sizes)):
        logits = resized(network, size).predict(prepared(examples, recipe.input_spec(size)), verbose=0)
        loss = negative_log_likelihood(logits, targets, best_temperature(logits, targets))
        trials.append(SizeTrial(size, round(float((logits.argmax(axis=1) == targets).mean()), 4), round(loss, 4)))
    return trials


def chosen(trials: Sequence[SizeTrial]) -> SizeTrial:
    """Return the smallest size, unless a larger size is at least as accurate with a loss at least 5 % lower."""
    best = trials[0]
    for trial in trials[1:]:
        if trial.accuracy >= best.accuracy and trial.nll <= WORTH * best.nll:
            best = trial
    return best
