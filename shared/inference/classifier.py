"""Step 3: classify pixels into labels with calibrated scores, best first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image

from shared.bundles.bundle import Bundle
from shared.bundles.manifest import InputSpec, Manifest
from shared.errors import InvalidBundle
from shared.images.geometry import centre_of, inside_of
from shared.images.small_copy import small_copy
from shared.ports import FeatureModel, Model
from shared.signals.profile import FILE as PROFILE
from shared.signals.profile import Familiar, read_familiar
from shared.signals.signals import signals_of
from shared.signals.statistics import LONG_EDGE_PX
from shared.types import Candidate, Classification, Pixels, Scores


class Classifier:
    """A classifier: a bundle and its loaded model. Thread-safe if the model is.

    Raises:
        InvalidBundle: the model's input or output differs from the manifest, or the profile is of another model.
    """

    def __init__(self, bundle: Bundle, model: Model) -> None:
        self.bundle = bundle
        self.model = model
        if faults := _faults_between(bundle, model):
            raise InvalidBundle(f"the bundle {bundle.folder}", faults)
        self.familiar = _familiar(bundle, model)

    def classify(self, pixels: Pixels) -> Classification:
        """Classify one picture.

        Args:
            pixels: RGB, shape (height, width, 3), uint8, any size; not modified.

        Returns:
            Every label of the model, the predicted label first, the others by score; scores add up to 1.
        """
        return self.classification_of(self.model.run(prepare(pixels, self.bundle.manifest.input)))

    def classify_with_signals(self, pixels: Pixels, *, with_embedding: bool = True) -> Classification:
        """Classify one picture as ``classify`` does, bit by bit, and add the signals of the same inference.

        Args:
            pixels: as of ``classify``.
            with_embedding: whether the signals hold the embedding.
        """
        batch, seen = prepare(pixels, self.bundle.manifest.input), None
        if self.familiar is not None and isinstance(self.model, FeatureModel):
            seen = self.model.features(batch)
        scores = self._scores(self.model.run(batch) if seen is None else seen.outputs)
        features = None if seen is None else seen.pooled
        small, aspect = small_copy(pixels, LONG_EDGE_PX), pixels.shape[1] / pixels.shape[0]
        signals = signals_of(small, aspect, scores, features, self.familiar, with_embedding=with_embedding)
        is_unfamiliar = None
        if self.familiar is not None and signals.novelty is not None:
            is_unfamiliar = signals.novelty > self.familiar.unfamiliar_above
        return replace(decide_label(scores, self.bundle.manifest), is_unfamiliar=is_unfamiliar, signals=signals)

    def classification_of(self, outputs: npt.NDArray[np.float32]) -> Classification:
        """Return the classification from the model's outputs for one picture, shape (outputs,), float32."""
        return decide_label(self._scores(outputs), self.bundle.manifest)

    def _scores(self, outputs: npt.NDArray[np.float32]) -> Scores:
        manifest = self.bundle.manifest
        return calibrate_scores(outputs, manifest.activation, manifest.temperature, len(manifest.labels))

    def warm_up(self) -> None:
        """Run one inference, so that the first request does not pay for lazy initialisation."""
        spec = self.bundle.manifest.input
        self.classify_with_signals(np.full((spec.height_px, spec.width_px, 3), 127, np.uint8))


def decide_label(scores: Scores, manifest: Manifest) -> Classification:
    """Decide the label: the one with the best score, or if the bundle has a threshold, by the positive label's score.

    Args:
        scores: calibrated, in the order of the manifest's labels.
        manifest: with the threshold, if any, and the score below which a prediction needs review.
    """
    order = np.argsort(-scores, kind="stable").tolist()
    if manifest.threshold is not None:
        positive = manifest.labels.index(manifest.threshold.positive)
        is_positive = float(scores[positive]) >= manifest.threshold.score
        order.sort(key=lambda index: (index == positive) != is_positive)
    candidates = tuple(Candidate(manifest.labels[index], float(scores[index])) for index in order)
    first = candidates[0]
    return Classification(first.label, first.score, candidates, needs_review=first.score < manifest.review_below)


def prepare(pixels: Pixels, spec: InputSpec) -> npt.NDArray[Any]:
    """Fit a picture to the model's input. Training, evaluation and serving all use this function.

    Args:
        pixels: RGB, shape (height, width, 3), uint8.
        spec: the bundle's input.

    Returns:
        Shape ``spec.shape``, dtype ``spec.dtype``.
    """
    picture = PIL.Image.fromarray(pixels)
    if spec.channels == "L":
        picture = picture.convert("L") if spec.depth == 1 else picture.convert("L").convert("RGB")
    size = (spec.width_px, spec.height_px)
    resample = PIL.Image.Resampling[spec.filter.upper()]
    if spec.fit == "pad":
        fitted = _padded(picture, size, resample)
    else:
        box = centre_of(picture.size, size) if spec.fit == "crop" else None
        fitted = picture.resize(size, resample, box=box)
    batch = np.asarray(fitted, dtype=np.uint8).reshape(1, spec.height_px, spec.width_px, spec.depth)
    if spec.channels == "BGR":
        batch = np.ascontiguousarray(batch[..., ::-1])
    return batch if spec.takes_pixels else _as_numbers(batch, spec)


def calibrate_scores(
    outputs: npt.NDArray[np.float32], activation: str, temperature: float, labels: int | None = None
) -> Scores:
    """Turn the outputs for one picture into probabilities: softmax(logits / temperature).

    With two labels and a single output, the second label's score is sigmoid(logit / temperature), and the first label's
    is 1 minus that.

    Temperature scaling: Guo et al., "On Calibration of Modern Neural Networks" (2017). A model that returns
    probabilities is scaled through their logarithms, which are logits up to a constant.

    Args:
        outputs: shape (labels,) or (1,), float32.
        activation: ``logits``, ``softmax`` or ``sigmoid``, as in the manifest. Several sigmoids are read as labels
            that exclude each other, so their probabilities are scaled to add up to 1.
        temperature: above 0.
        labels: number of labels; None for the number of outputs.

    Raises:
        RuntimeError: an output is NaN or infinite, so no score can be computed.
    """
    if not np.isfinite(outputs).all():
        bad = np.count_nonzero(~np.isfinite(outputs))
        raise RuntimeError(
            f"{bad} of the model's {outputs.size} outputs are not finite, so no score can be computed; check the model."
        )
    logits = outputs.astype(np.float64)
    if (len(logits), labels) == (1, 2):
        logits = _logits_of_two(logits, activation)
    elif activation != "logits":
        logits = np.log(np.clip(logits, 1e-12, 1.0))
    logits = logits / temperature
    odds = np.exp(logits - logits.max())
    scores: Scores = (odds / odds.sum()).astype(np.float32)
    return scores


def _faults_between(bundle: Bundle, model: Model) -> list[str]:
    manifest, faults = bundle.manifest, []
    expected = manifest.input.shape
    if model.input_shape != expected:
        faults.append(f"the model takes shape {model.input_shape}, expected {expected} as in the manifest")
    if model.input_dtype != manifest.input.dtype:
        faults.append(f"the model takes {model.input_dtype}, expected {manifest.input.dtype} as in the manifest")
    if model.outputs == 1 and manifest.activation == "softmax":
        faults.append("the model has one output, and a softmax of one number is always 1")
    elif model.outputs != len(manifest.labels) and (model.outputs, len(manifest.labels)) != (1, 2):
        faults.append(f"the model has {model.outputs} outputs, the manifest has {len(manifest.labels)} labels")
    return faults


def _familiar(bundle: Bundle, model: Model) -> Familiar | None:
    """Read the bundle's profile; None if it has none."""
    manifest = bundle.manifest
    if PROFILE not in manifest.files:
        return None
    if manifest.explain is None or not isinstance(model, FeatureModel):
        fault = f"{PROFILE} needs the model's feature map, which explain does not name; make the bundle without it"
        raise InvalidBundle(f"the bundle {bundle.folder}", [fault])
    return read_familiar(bundle.folder / PROFILE, manifest.files[manifest.model_file])


def _as_numbers(batch: npt.NDArray[np.uint8], spec: InputSpec) -> npt.NDArray[Any]:
    """Convert pixels, shape (1, height, width, depth), to the model's numbers in the model's layout."""
    numbers: npt.NDArray[Any] = batch.astype(np.float32) * np.asarray(spec.scale, np.float32)
    numbers += np.asarray(spec.offset, np.float32)
    if spec.dtype != "float32":
        range_ = np.iinfo(spec.dtype)
        numbers = np.rint(numbers).clip(range_.min, range_.max).astype(spec.dtype)
    return np.ascontiguousarray(numbers.transpose(0, 3, 1, 2)) if spec.layout == "NCHW" else numbers


def _logits_of_two(output: npt.NDArray[np.float64], activation: str) -> npt.NDArray[np.float64]:
    """Return two labels' logits for the single output of the second label: softmax of (0, x) is sigmoid(x)."""
    if activation != "logits":
        probability = np.clip(output, 1e-12, 1 - 1e-12)
        output = np.log(probability) - np.log1p(-probability)
    return np.concatenate([np.zeros(1), output])


def _padded(picture: PIL.Image.Image, size: tuple[int, int], resample: PIL.Image.Resampling) -> PIL.Image.Image:
    left, upper, right, lower = inside_of(picture.size, size)
    canvas = PIL.Image.new(picture.mode, size)
    canvas.paste(picture.resize((right - left, lower - upper), resample), (left, upper))
    return canvas
