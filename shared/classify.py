"""Step 3: pixels become labels with calibrated scores, best first."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image

from shared.bundle import Bundle
from shared.errors import InvalidBundle
from shared.manifest import InputSpec, Manifest
from shared.ports import Model
from shared.types import Candidate, Classification, Pixels, Scores


class Classifier:
    """A bundle and the model inside it, as one thing that classifies pictures. Thread-safe as far as the model is.

    Raises:
        InvalidBundle: the model's input or output is not what the manifest says.
    """

    def __init__(self, bundle: Bundle, model: Model) -> None:
        self.bundle = bundle
        self.model = model
        if faults := _faults_between(bundle, model):
            raise InvalidBundle(f"the bundle {bundle.folder}", faults)

    def classify(self, pixels: Pixels) -> Classification:
        """Classify one picture.

        Args:
            pixels: RGB, shape (height, width, 3), uint8, any size; not modified.

        Returns:
            Every label of the model, the one that is given first, the others by score; scores add up to 1.
        """
        manifest = self.bundle.manifest
        outputs = self.model.run(prepare(pixels, manifest.input))
        return decided(calibrated(outputs, manifest.activation, manifest.temperature), manifest)

    def warm_up(self) -> None:
        """Run one inference, so that the first caller does not pay for what is built lazily."""
        spec = self.bundle.manifest.input
        self.classify(np.full((spec.height_px, spec.width_px, 3), 127, np.uint8))


def decided(scores: Scores, manifest: Manifest) -> Classification:
    """Give a label: that of the best score, or where the bundle declares a threshold, the one on its side of it.

    Args:
        scores: calibrated, in the order of the manifest's labels.
        manifest: with the threshold, if any, and the score below which a person should look.
    """
    order = np.argsort(-scores, kind="stable").tolist()
    if manifest.threshold is not None:
        positive = manifest.labels.index(manifest.threshold.positive)
        is_positive = float(scores[positive]) >= manifest.threshold.score
        order.sort(key=lambda index: (index == positive) != is_positive)
    candidates = tuple(Candidate(manifest.labels[index], float(scores[index])) for index in order)
    given = candidates[0]
    return Classification(given.label, given.score, candidates, needs_review=given.score < manifest.review_below)


def prepare(pixels: Pixels, spec: InputSpec) -> npt.NDArray[Any]:
    """Fit a picture to the model's input. Training, evaluation and serving all come through here.

    Args:
        pixels: RGB, shape (height, width, 3), uint8.
        spec: the bundle's input.

    Returns:
        Shape (1, spec.height_px, spec.width_px, 3), dtype ``spec.dtype``.
    """
    picture = PIL.Image.fromarray(pixels)
    if spec.channels == "L":
        picture = picture.convert("L").convert("RGB")
    size = (spec.width_px, spec.height_px)
    resample = PIL.Image.Resampling[spec.filter.upper()]
    if spec.fit == "pad":
        fitted = _padded(picture, size, resample)
    else:
        box = _centre(picture.size, size) if spec.fit == "crop" else None
        fitted = picture.resize(size, resample, box=box)
    batch = np.asarray(fitted, dtype=np.uint8)[np.newaxis]
    if spec.dtype == "uint8":
        return batch
    scaled: npt.NDArray[np.float32] = batch.astype(np.float32) * np.float32(spec.scale) + np.float32(spec.offset)
    return scaled


def calibrated(outputs: npt.NDArray[np.float32], activation: str, temperature: float) -> Scores:
    """Turn one picture's outputs into probabilities: softmax(logits / temperature).

    Temperature scaling is that of Guo et al., "On Calibration of Modern Neural Networks" (2017). A model that
    returns probabilities is scaled through their logarithms, which are logits up to a constant.

    Args:
        outputs: shape (labels,), float32.
        activation: ``logits`` or ``softmax``, as in the manifest.
        temperature: above 0.
    """
    logits = outputs.astype(np.float64)
    if activation == "softmax":
        logits = np.log(np.clip(logits, 1e-12, 1.0))
    logits = logits / temperature
    odds = np.exp(logits - logits.max())
    scores: Scores = (odds / odds.sum()).astype(np.float32)
    return scores


def _faults_between(bundle: Bundle, model: Model) -> list[str]:
    manifest, faults = bundle.manifest, []
    expected = (1, manifest.input.height_px, manifest.input.width_px, 3)
    if model.input_shape != expected:
        faults.append(f"the model takes shape {model.input_shape}, the manifest says {expected}")
    if model.input_dtype != manifest.input.dtype:
        faults.append(f"the model takes {model.input_dtype}, the manifest says {manifest.input.dtype}")
    if model.outputs != len(manifest.labels):
        faults.append(f"the model has {model.outputs} outputs, the manifest has {len(manifest.labels)} labels")
    return faults


def _centre(size: tuple[int, int], target: tuple[int, int]) -> tuple[float, float, float, float]:
    """The largest centred box with the target's proportions: left, upper, right, lower, in pixels."""
    width, height = size
    scale = min(width / target[0], height / target[1])
    # Rounding may carry a side a hair beyond the picture, where Pillow refuses it.
    across, down = min(width, target[0] * scale), min(height, target[1] * scale)
    left, upper = (width - across) / 2, (height - down) / 2
    return left, upper, min(width, left + across), min(height, upper + down)


def _padded(picture: PIL.Image.Image, size: tuple[int, int], resample: PIL.Image.Resampling) -> PIL.Image.Image:
    scale = min(size[0] / picture.width, size[1] / picture.height)
    inner = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    canvas = PIL.Image.new("RGB", size)
    canvas.paste(picture.resize(inner, resample), ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    return canvas
