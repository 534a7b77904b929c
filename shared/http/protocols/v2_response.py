"""Predictions as the output tensors of the Open Inference Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from shared.types import Classification, Prediction

OUTPUTS = {
    "probabilities": ("FP32", True),
    "label": ("BYTES", False),
    "score": ("FP32", False),
    "needs_review": ("BOOL", False),
    "prediction_id": ("BYTES", False),
}
"""Datatype by name, and whether there is one for each label; each image has a row in each."""

Values = npt.NDArray[Any] | list[str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that is asked for."""

    name: str
    in_binary: bool = False
    classes: int | None = None
    """Triton's classification: this many ``score:index:label`` instead of scores."""


class Said(Protocol):
    """Whatever holds what a model says of an image."""

    @property
    def classification(self) -> Classification:
        """What it says."""


def answer_of(
    predictions: Sequence[Prediction], wanted: Sequence[Wanted], labels: Sequence[str]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the output tensors, with ``binary`` in place of ``data`` where that is asked for, and parameters.

    Args:
        predictions: one an image.
        wanted: the outputs, in order.
        labels: in the order of the model's outputs.
    """
    outputs = [_output(predictions, one, labels) for one in wanted]
    parameters = {"prediction_id": predictions[0].prediction_id} if len(predictions) == 1 else {}
    return outputs, parameters


def probabilities(prediction: Said, labels: Sequence[str]) -> list[float]:
    """Return the scores in the order of the labels."""
    scores = {candidate.label: candidate.score for candidate in prediction.classification.candidates}
    return [scores[label] for label in labels]


def _output(predictions: Sequence[Prediction], wanted: Wanted, labels: Sequence[str]) -> dict[str, Any]:
    values: Values
    shape, datatype = [len(predictions)], OUTPUTS[wanted.name][0]
    if wanted.classes:
        classes = min(wanted.classes, len(labels))
        values = [text for one in predictions for text in _classes(one, classes, labels)]
        shape, datatype = [len(predictions), classes], "BYTES"
    else:
        values = _values(predictions, wanted.name, labels)
        shape += [len(labels)] if wanted.name == "probabilities" else []
    output: dict[str, Any] = {"name": wanted.name, "datatype": datatype, "shape": shape}
    if wanted.in_binary:
        return {**output, "binary": values}
    return {**output, "data": values if isinstance(values, list) else values.reshape(-1).tolist()}


def _values(predictions: Sequence[Prediction], name: str, labels: Sequence[str]) -> Values:
    said = [one.classification for one in predictions]
    match name:
        case "probabilities":
            return np.array([probabilities(one, labels) for one in predictions], np.float32)
        case "label":
            return [one.label for one in said]
        case "score":
            return np.array([one.score for one in said], np.float32)
        case "needs_review":
            return np.array([one.needs_review for one in said], np.bool_)
    return [one.prediction_id for one in predictions]


def _classes(prediction: Prediction, classes: int, labels: Sequence[str]) -> list[str]:
    """Best first, as Triton writes them."""
    best = prediction.classification.candidates[:classes]
    return [f"{candidate.score:f}:{labels.index(candidate.label)}:{candidate.label}" for candidate in best]
