"""Fine-tune a network: AdamW, warm-up and cosine, label smoothing; the result is a moving average of the weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from shared.bundles.manifest import InputSpec
from shared.inference.classifier import prepare
from shared.training.augmentation import Augmentation
from shared.training.backbones import DEFAULT
from shared.training.batches import steps_an_epoch, targets_of, training_batches
from shared.training.calibration import best_temperature, negative_log_likelihood
from shared.training.dataset import Example
from shared.training.network import build_network, freeze
from shared.training.splits import BY_THRESHOLD
from shared.training.start import Start, load_start
from shared.training.state import Epoch, State, Weights, load_state, save_state

Logits = npt.NDArray[np.float32]
Targets = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the result, except the data."""

    backbone: str = DEFAULT
    """The pretrained network's name in ``BACKBONES``."""
    epochs: int = 14
    batch_size: int = 32
    image_size: int = 224
    """Edge of the training pictures in pixels."""
    seed: int = 1
    learning_rate: float = 2e-4
    """At the end of the warm-up; from there to 0 along a cosine."""
    warm_up_epochs: float = 1.0
    weight_decay: float = 1e-4
    label_smoothing: float = 0.1
    dropout: float = 0.3
    average: float = 0.995
    """Share of the old moving average that a step keeps."""
    patience: int = 8
    """Epochs since the chosen one before training stops early."""
    mix: bool = True
    """Move the weights towards a linear probe's, as far as the validation pictures allow."""
    balanced: bool = False
    """Draw every label equally often."""
    epoch_steps: int = 0
    """Batches an epoch; 0 goes once through the pictures."""
    freeze: int = 0
    """Number of the network's 16 blocks that stay as pretrained; the stem stays with the first."""
    grey: bool = False
    """Serve every picture in shades of grey."""
    fit: str = "crop"
    """How a whole picture is fitted to the model's square, in validation and serving."""
    filter: str = "bicubic"
    augmentation: Augmentation = field(default_factory=Augmentation)

    def input_spec(self, size: int) -> InputSpec:
        """Return the bundle's input for pictures of this edge."""
        return InputSpec(size, size, "uint8", 1.0, 0.0, self.fit, self.filter, "L" if self.grey else "RGB")


@dataclass(frozen=True, slots=True)
class Step:
    """A run's progress, for a display."""

    epoch: int
    step: int
    steps: int
    loss: float
    """Mean over the epoch so far."""
    accuracy: float


def fit(
    training: Sequence[Example],
    validation: Sequence[Example],
    labels: Sequence[str],
    recipe: Recipe,
    *,
    folder: Path,
    identity: Mapping[str, Any],
    start: Start | None = None,
    stop_after: int | None = None,
    on_step: Callable[[Step], None] = lambda _: None,
    on_judged: Callable[[int, Logits, Weights], None] = lambda *_: None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> tuple[keras.Model, list[Epoch]]:
    """Train a network, or resume the run whose state is in ``folder``.

    Args:
        training: the pictures to learn from.
        validation: the pictures that choose the epoch; without any it is the last.
        labels: the order of the logits.
        recipe: how to train.
        folder: the state is saved here after each epoch; empty it to begin again.
        identity: identifies data and recipe; must be equal to resume.
        start: the bundle to begin with; None for the network's ImageNet weights.
        stop_after: epochs, of the recipe's, whose number the learning rate follows; None for all.
        on_step: called after each step.
        on_judged: called after each epoch, before its state is saved, with its number, the logits of the validation
            pictures and the averaged weights; after a kill it may be called again for the same epoch.
        on_epoch: called after each epoch.

    Returns:
        The network with the averaged weights of the chosen epoch, and the learning curve.

    Raises:
        Misconfigured: ``folder`` holds the state of a run with another identity, or the first weights are missing.
    """
    state = load_state(folder, identity)
    keras.utils.set_random_seed(recipe.seed)
    run = _Run(recipe, labels, recipe.epoch_steps or steps_an_epoch(len(training), recipe.batch_size), start)
    run.restore(state)
    pixels, targets = prepared(validation, recipe.input_spec(recipe.image_size)), targets_of(validation, labels)
    while len(state.history) < (stop_after or recipe.epochs) and state.stale_epochs < recipe.patience:
        number, started = len(state.history) + 1, time.monotonic()
        loss, accuracy = run.epoch(number, training, on_step)
        logits = predicted(run.average, pixels, recipe.batch_size)
        on_judged(number, logits, run.average.get_weights())
        seconds = time.monotonic() - started
        state.history.append(epoch_of(number, loss, accuracy, logits, targets, seconds))
        run.capture(state)
        save_state(folder, state, identity)
        on_epoch(state.history[-1])
    run.average.set_weights(state.weights["chosen"])
    return run.average, state.history


def epoch_of(number: int, loss: float, accuracy: float, logits: Logits, targets: Targets, seconds: float) -> Epoch:
    """Return a line of the learning curve; the validation figures are NaN without validation pictures."""
    if not len(targets):
        return Epoch(number, loss, accuracy, math.nan, math.nan, math.nan, seconds)
    validation_loss = negative_log_likelihood(logits, targets, best_temperature(logits, targets))
    right = float((logits.argmax(axis=1) == targets).mean())
    error = float(np.sqrt(right * (1 - right) / len(targets)))
    return Epoch(number, loss, accuracy, validation_loss, right, error, seconds)


def identity_of(
    recipe: Recipe, fingerprint: str, validation_share: float, group_by: str = "", start: Start | None = None
) -> dict[str, Any]:
    """Return what two runs must share so that one can resume from the other's state."""
    split = {"data": fingerprint, "validation_share": validation_share, "group_by": group_by, "split": BY_THRESHOLD}
    return {**asdict(recipe), **split, "start": start.digest if start else ""}


def predicted(network: keras.Model, pixels: npt.NDArray[np.uint8], batch_size: int) -> Logits:
    """Return the logits of prepared pictures, shape (n, labels); n may be 0."""
    if not len(pixels):
        return np.zeros((0, network.output_shape[-1]), np.float32)
    logits: Logits = network.predict(pixels, batch_size=batch_size, verbose=0)
    return logits


def prepared(examples: Sequence[Example], spec: InputSpec) -> npt.NDArray[np.uint8]:
    """Fit pictures to the network as serving does, shape (n, height, width, 3); n may be 0."""
    if not examples:
        return np.zeros(spec.shape, np.uint8)[:0]
    return np.concatenate([prepare(example.pixels, spec) for example in examples])


class _Run:
    """A run: the network that learns, the moving average of its weights, and the optimizer."""

    def __init__(self, recipe: Recipe, labels: Sequence[str], steps: int, start: Start | None) -> None:
        self.recipe, self.labels, self.steps = recipe, labels, steps
        self.network = build_network(recipe.image_size, len(labels), recipe.dropout, recipe.backbone)
        load_start(self.network, recipe.backbone, labels, start)
        self.average = build_network(recipe.image_size, len(labels), recipe.dropout, recipe.backbone)
        self.average.set_weights(self.network.get_weights())
        for network in (self.network, self.average):
            freeze(network, recipe.freeze)
        warm_up = round(recipe.warm_up_epochs * steps)
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, recipe.epochs * steps - warm_up), warmup_target=recipe.learning_rate, warmup_steps=warm_up
        )
        self.optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay)
        self.optimizer.exclude_from_weight_decay(var_names=["bias"])
        self.optimizer.build(self.network.trainable_variables)
        self.loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
        size = recipe.image_size
        shapes = [tf.TensorSpec((None, size, size, 3)), tf.TensorSpec((None, len(labels)))]
        self.learn = tf.function(self._learn, input_signature=shapes)

    def epoch(self, number: int, examples: Sequence[Example], on_step: Callable[[Step], None]) -> tuple[float, float]:
        """Go through the training pictures once; return the mean loss and accuracy."""
        recipe, losses, hits = self.recipe, [], []
        batches = training_batches(
            examples,
            self.labels,
            size=recipe.image_size,
            batch_size=recipe.batch_size,
            how=recipe.augmentation,
            balanced=recipe.balanced,
            seed=(recipe.seed, number),
            steps=recipe.epoch_steps or None,
        )
        for step, (pixels, targets) in enumerate(batches, start=1):
            loss, right = self.learn(pixels, targets)
            losses.append(float(loss))
            hits.append(float(right))
            on_step(Step(number, step, self.steps, float(np.mean(losses)), float(np.mean(hits))))
        return float(np.mean(losses)), float(np.mean(hits))

    def restore(self, state: State) -> None:
        """Restore a saved state; a new state changes nothing."""
        for part, variables in self._parts().items():
            for variable, value in zip(variables, state.weights.get(part, []), strict=False):
                variable.assign(value)

    def capture(self, state: State) -> None:
        """Copy everything that changes while training into the state."""
        state.weights.update({part: [np.asarray(value) for value in values] for part, values in self._parts().items()})
        if state.stale_epochs == 0:
            state.weights["chosen"] = self.average.get_weights()

    def _parts(self) -> dict[str, list[Any]]:
        # `variables` has what `weights` leaves out: the state of the dropout's random generator
        return {
            "network": self.network.variables,
            "average": self.average.variables,
            "optimizer": self.optimizer.variables,
        }

    def _learn(self, pixels: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            logits = self.network(pixels, training=True)
            loss = self.loss(targets, logits)
        gradients = tape.gradient(loss, self.network.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.network.trainable_variables, strict=True))
        steps = tf.cast(self.optimizer.iterations, tf.float32)
        keep = tf.minimum(self.recipe.average, (1 + steps) / (10 + steps))  # the first steps count less
        for average, latest in zip(self.average.trainable_variables, self.network.trainable_variables, strict=True):
            average.assign(keep * average + (1 - keep) * latest)
        hits = tf.equal(tf.argmax(logits, axis=1), tf.argmax(targets, axis=1))
        return loss, tf.reduce_mean(tf.cast(hits, tf.float32))
