"""Explain a prediction: a coarse heatmap of where in a picture the evidence for a label is.

A model that returns its last feature map is explained by the same inference that classifies (``cam``). Any other model
runs again for each part of the picture, with that part covered (``occlusion``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import PIL.Image

from shared.bundles.manifest import InputSpec
from shared.errors import BadRequest
from shared.images.geometry import Size, centre_of, inside_of
from shared.inference.classifier import Classifier, prepare
from shared.ports import Activation, ActivationModel
from shared.types import Classification, Pixels

Heat = npt.NDArray[np.float32]
"""Shape (rows, columns), float32, 0 to 1: each part's evidence for a label, relative to the strongest part."""

CAM, OCCLUSION = "cam", "occlusion"

CELLS = 8
"""Rows and columns of an occlusion's heatmap; the patch covers two of each."""

OnRun = Callable[[int, int], None]
"""Called before each run of an occlusion with the number of finished runs and of all runs. It may raise to stop."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A picture's classification, and a heatmap of the evidence for one label."""

    classification: Classification
    label: str
    """The label that is explained."""
    method: str
    """``cam`` or ``occlusion``."""
    heat: Heat
    """Over the model's input, which differs from the picture by a crop or padding: see ``over_picture``."""

    @property
    def score(self) -> float:
        """The calibrated score of the explained label."""
        return _score(self.classification, self.label)


def explain(
    classifier: Classifier, pixels: Pixels, label: str | None = None, on_run: OnRun | None = None
) -> Explanation:
    """Classify a picture and compute where in it a label's evidence is.

    Args:
        classifier: the classification equals the result of its ``classify``, bit for bit.
        pixels: RGB, shape (height, width, 3), uint8; not modified.
        label: the label to explain; None for the predicted label.
        on_run: called before each run of an occlusion.

    Raises:
        BadRequest: the model has no such label.
    """
    manifest, model = classifier.bundle.manifest, classifier.model
    if label is not None and label not in manifest.labels:
        raise BadRequest(f"The label is {label[:40]!r}, expected one of: {', '.join(manifest.labels)}.")
    activation = model.activation(prepare(pixels, manifest.input)) if isinstance(model, ActivationModel) else None
    if activation is not None:
        classification = classifier.classification_of(activation.outputs)
        label = label or classification.label
        return Explanation(classification, label, CAM, _class_activation(activation, manifest.labels.index(label)))
    classification = classifier.classify(pixels)
    label = label or classification.label
    return Explanation(classification, label, OCCLUSION, _occlusion(classifier, pixels, classification, label, on_run))


def over_picture(heat: Heat, spec: InputSpec, size: Size, longest: int) -> Heat:
    """Map a heatmap from the model's input back to the whole picture: the inverse of ``classifier.prepare``.

    Args:
        heat: over the model's input, of any shape.
        spec: the model's input.
        size: the picture's width and height in pixels.
        longest: number of rows or columns of the result, whichever is larger.

    Returns:
        A heatmap in the picture's proportions, 0 to 1; 0 where a crop hid the picture from the model.
    """
    of_input = PIL.Image.fromarray(heat.astype(np.float32))
    target = (spec.width_px, spec.height_px)
    width, height = (max(1, round(longest * edge / max(size))) for edge in size)
    if spec.fit == "crop":
        box = _scaled(centre_of(size, target), size, (width, height))
        left, upper, right, lower = (round(edge) for edge in box)
        canvas = PIL.Image.new("F", (width, height))
        inner = (max(1, right - left), max(1, lower - upper))
        canvas.paste(of_input.resize(inner, PIL.Image.Resampling.BICUBIC), (left, upper))
    else:
        unpadded = _scaled(inside_of(size, target), target, of_input.size) if spec.fit == "pad" else None
        canvas = of_input.resize((width, height), PIL.Image.Resampling.BICUBIC, box=unpadded)
    return np.asarray(canvas, np.float32).clip(0, 1)  # bicubic overshoots a little


def _class_activation(activation: Activation, index: int) -> Heat:
    """Return the class activation map of a label.

    Zhou et al., "Learning Deep Features for Discriminative Localization" (2016): a label's logit is the mean of
    ``weights · features`` over the feature map's cells, so each cell's share is known. Scores depend only on
    differences of logits, so the part that all labels share is subtracted.
    """
    weights = activation.class_weights
    if len(weights) == 1:  # a single output is the second label's; the first label's logit is 0
        weights = np.concatenate([np.zeros_like(weights), weights])
    return _normalised(activation.features @ (weights[index] - weights.mean(axis=0)))


def _occlusion(
    classifier: Classifier, pixels: Pixels, classification: Classification, label: str, on_run: OnRun | None
) -> Heat:
    """Return how much score the label loses where a patch covers the picture.

    The method of Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks" (2014). Their patch is grey,
    which looks like an object on a white background; this patch has the picture's mean colour.
    """
    spec = classifier.bundle.manifest.input
    # Fitted to the model's input once, so that each run does not fit it again.
    fitted = prepare(pixels, InputSpec(spec.height_px, spec.width_px, "uint8", 1.0, 0.0, spec.fit, spec.filter))[0]
    mean = fitted.mean(axis=(0, 1)).round().astype(np.uint8)
    whole, drops = _score(classification, label), []
    for done, (rows, columns) in enumerate(_patches(spec)):
        if on_run is not None:
            on_run(done, CELLS * CELLS)
        covered = fitted.copy()
        covered[rows, columns] = mean
        drops.append(whole - _score(classifier.classify(covered), label))
    return _normalised(np.array(drops, np.float32).reshape(CELLS, CELLS))


def _patches(spec: InputSpec) -> Iterator[tuple[slice, slice]]:
    """Yield the rows and columns of each patch: a cell and half a cell around it, cut at the picture's edges."""
    for row in range(CELLS):
        for column in range(CELLS):
            yield _around(row, spec.height_px), _around(column, spec.width_px)


def _around(cell: int, length: int) -> slice:
    start, stop = round((cell - 0.5) * length / CELLS), round((cell + 1.5) * length / CELLS)
    return slice(max(0, start), max(1, stop))


def _score(classification: Classification, label: str) -> float:
    return next(candidate.score for candidate in classification.candidates if candidate.label == label)


def _normalised(evidence: npt.NDArray[np.float32]) -> Heat:
    """Return the positive part, scaled to a maximum of 1; all 0 without evidence for the label."""
    heat = np.maximum(evidence, 0)
    peak = float(heat.max())
    normalised: Heat = (heat / peak if peak > 0 else heat).astype(np.float32)
    return normalised


def _scaled(box: tuple[float, float, float, float], size: Size, to: Size) -> tuple[float, float, float, float]:
    across, down = to[0] / size[0], to[1] / size[1]
    return box[0] * across, box[1] * down, min(to[0], box[2] * across), min(to[1], box[3] * down)
