"""Mix the fine-tuned weights with those of a linear probe: better on new pictures than either (WiSE-FT).

Fine-tuning on a few thousand pictures, some of them mislabelled, bends the pretrained features further than it should.
The straight line in weight space from the pretrained network, with a linear head fitted to it, to the fine-tuned one
has better networks on it (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022). It costs no inference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from shared.training.batches import targets_of
from shared.training.calibration import best_temperature, negative_log_likelihood
from shared.training.dataset import Example
from shared.training.fit import Recipe, prepared
from shared.training.network import build_network, load_pretrained

SHARES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
"""Shares of the fine-tuned weights that are tried; 1 leaves the probe out."""

NO_WORSE = 1.01

STRENGTH = 0.01
"""Inverse of the probe's L2 penalty, on standardised features."""


@dataclass(frozen=True, slots=True)
class Mix:
    """A share's figures on the validation pictures, in float32."""

    share: float
    accuracy: float
    nll: float
    """Negative log-likelihood after temperature scaling."""


def mix_with_probe(
    tuned: keras.Model,
    training: Sequence[Example],
    validation: Sequence[Example],
    labels: Sequence[str],
    recipe: Recipe,
) -> list[Mix]:
    """Move the fine-tuned network towards a linear probe, as far as the validation pictures allow.

    Args:
        tuned: its weights are replaced by the chosen mix.
        training: the pictures that the probe is fitted to, whole and not augmented.
        validation: their negative log-likelihood chooses the share.
        labels: the order of the logits.
        recipe: sizes and resampling.

    Returns:
        The tried mixes, the chosen one first.
    """
    tuned_weights, probe = tuned.get_weights(), probe_weights(training, labels, recipe)
    pixels = prepared(validation, recipe.input_spec(recipe.image_size))
    targets = targets_of(validation, labels)
    trials = []
    for share in SHARES:
        tuned.set_weights(between(probe, tuned_weights, share))
        logits = tuned.predict(pixels, batch_size=recipe.batch_size, verbose=0)
        loss = negative_log_likelihood(logits, targets, best_temperature(logits, targets))
        trials.append(Mix(share, round(float((logits.argmax(axis=1) == targets).mean()), 4), round(loss, 4)))
    chosen = choose_mix(trials)
    tuned.set_weights(between(probe, tuned_weights, chosen.share))
    return [chosen, *(trial for trial in trials if trial is not chosen)]


def choose_mix(trials: Sequence[Mix]) -> Mix:
    """Return the most fine-tuned mix whose loss is within NO_WORSE of the least, which counts as a tie."""
    least = min(trial.nll for trial in trials)
    return max((trial for trial in trials if trial.nll <= NO_WORSE * least), key=lambda trial: trial.share)


def probe_weights(training: Sequence[Example], labels: Sequence[str], recipe: Recipe) -> list[npt.NDArray[np.float32]]:
    """Return the weights of the pretrained network with a multinomial logistic regression as its head."""
    network = build_network(recipe.image_size, len(labels), name=recipe.backbone)
    load_pretrained(network)
    head = network.layers[-1]
    features = keras.Model(network.input, head.input).predict(
        prepared(training, recipe.input_spec(recipe.image_size)), batch_size=recipe.batch_size, verbose=0
    )
    fitted = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=300))
    fitted.fit(features, targets_of(training, labels))
    scaler, regression = fitted[0], fitted[1]
    kernel = regression.coef_ / scaler.scale_
    bias = regression.intercept_ - kernel @ scaler.mean_
    if len(labels) == 2:  # scikit-learn keeps the difference of two logits only
        kernel, bias = np.concatenate([-kernel, kernel]) / 2, np.concatenate([-bias, bias]) / 2
    head.set_weights([kernel.T.astype(np.float32), bias.astype(np.float32)])
    weights: list[npt.NDArray[np.float32]] = network.get_weights()
    return weights


def between(
    probe: Sequence[npt.NDArray[np.float32]], tuned_weights: Sequence[npt.NDArray[np.float32]], share: float
) -> list[npt.NDArray[np.float32]]:
    """Return weights on the straight line from the probe's (share 0) to the fine-tuned ones (share 1)."""
    return [share * tuned + (1 - share) * probed for tuned, probed in zip(tuned_weights, probe, strict=True)]
