"""Why the model said so: where in a picture the evidence for a label lies, as a coarse heat map.

A model that gives out its last feature map says so itself, in the one inference that classifies (``cam``). Any other is
asked again and again with a part of the picture covered (``occlusion``).
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
"""Shape (rows, columns), float32, 0 to 1: how much each part speaks for a label, its strongest part 1."""

CAM, OCCLUSION = "cam", "occlusion"

CELLS = 8
"""Rows and columns of an occlusion's heat map; the patch covers two of each."""

OnRun = Callable[[int, int], None]
"""Told before each further run of the model: how many are done, and how many there are in all. It may raise to stop."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the model says of a picture, and where it sees one of its labels."""

    classification: Classification
    label: str
    """The one that is explained."""
    method: str
    """``cam`` or ``occlusion``."""
    heat: Heat
    """Over what the model takes, which a crop or padding makes another part than the picture: see ``over_picture``."""

    @property
    def score(self) -> float:
        """The calibrated score of the label that is explained."""
        return _score(self.classification, self.label)


def explain(
    classifier: Classifier, pixels: Pixels, label: str | None = None, on_run: OnRun | None = None
) -> Explanation:
    """Classify a picture and say where a label's evidence lies.

    Args:
        classifier: its classification is the one that ``classify`` would give, bit by bit.
        pixels: RGB, shape (height, width, 3), uint8; not modified.
        label: which one to explain; None for the one that is given.
        on_run: told of each run of an occlusion.

    Raises:
        BadRequest: the model has no such label.
    """
    manifest, model = classifier.bundle.manifest, classifier.model
    if label is not None and label not in manifest.labels:
        raise BadRequest(f"The label is {label[:40]!r}, expected one of: {', '.join(manifest.labels)}.")
    activation = model.activation(prepare(pixels, manifest.input)) if isinstance(model, ActivationModel) else None
    if activation is not None:
        said = classifier.said_by(activation.outputs)
        label = label or said.label
        return Explanation(said, label, CAM, _class_activation(activation, manifest.labels.index(label)))
    said = classifier.classify(pixels)
    label = label or said.label
    return Explanation(said, label, OCCLUSION, _occlusion(classifier, pixels, said, label, on_run))


def over_picture(heat: Heat, spec: InputSpec, size: Size, longest: int) -> Heat:
    """Lay a heat map over the whole picture, the other way round than ``classify.prepare`` fits pictures.

    Args:
        heat: over the model's input, of any shape.
        spec: the model's input.
        size: the picture's width and height in pixels.
        longest: how many rows or columns the map gets, whichever are more.

    Returns:
        In the picture's proportions, 0 to 1; 0 where a crop has left the model nothing to see.
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
        seen = _scaled(inside_of(size, target), target, of_input.size) if spec.fit == "pad" else None
        canvas = of_input.resize((width, height), PIL.Image.Resampling.BICUBIC, box=seen)
    return np.asarray(canvas, np.float32).clip(0, 1)  # bicubic swings a little beyond


def _class_activation(activation: Activation, index: int) -> Heat:
    """The class activation map of Zhou et al., "Learning Deep Features for Discriminative Localization" (2016).

    A label's logit is the mean over the feature map's cells of ``weights · features``, so each cell's share is known.
    Only differences of logits make scores, so what all labels have in common is left out.
    """
    weights = activation.class_weights
    if len(weights) == 1:  # of two labels the second; the logit of the first is always 0
        weights = np.concatenate([np.zeros_like(weights), weights])
    return _normalised(activation.features @ (weights[index] - weights.mean(axis=0)))


def _occlusion(classifier: Classifier, pixels: Pixels, said: Classification, label: str, on_run: OnRun | None) -> Heat:
    """How much of its score the label loses where a patch covers the picture.

    The method of Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks" (2014). Their patch is grey,
    which on a white ground is a thing of its own; ours has the picture's mean colour.
    """
    spec = classifier.bundle.manifest.input
    # of the model's size, so that nothing is left to fit when it is classified
    fitted = prepare(pixels, InputSpec(spec.height_px, spec.width_px, "uint8", 1.0, 0.0, spec.fit, spec.filter))[0]
    mean = fitted.mean(axis=(0, 1)).round().astype(np.uint8)
    whole, drops = _score(said, label), []
    for done, (rows, columns) in enumerate(_patches(spec)):
        if on_run is not None:
            on_run(done, CELLS * CELLS)
        covered = fitted.copy()
        covered[rows, columns] = mean
        drops.append(whole - _score(classifier.classify(covered), label))
    return _normalised(np.array(drops, np.float32).reshape(CELLS, CELLS))


def _patches(spec: InputSpec) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of each patch: of each cell, and of half a cell around it as far as the picture goes."""
    for row in range(CELLS):
        for column in range(CELLS):
            yield _around(row, spec.height_px), _around(column, spec.width_px)


def _around(cell: int, length: int) -> slice:
    start, stop = round((cell - 0.5) * length / CELLS), round((cell + 1.5) * length / CELLS)
    return slice(max(0, start), max(1, stop))


def _score(said: Classification, label: str) -> float:
    return next(one.score for one in said.candidates if one.label == label)


def _normalised(evidence: npt.NDArray[np.float32]) -> Heat:
    """The positive part, its largest value 1; all 0 where nothing speaks for the label."""
    heat = np.maximum(evidence, 0)
    peak = float(heat.max())
    normalised: Heat = (heat / peak if peak > 0 else heat).astype(np.float32)
    return normalised


def _scaled(box: tuple[float, float, float, float], size: Size, to: Size) -> tuple[float, float, float, float]:
    across, down = to[0] / size[0], to[1] / size[1]
    return box[0] * across, box[1] * down, min(to[0], box[2] * across), min(to[1], box[3] * down)
