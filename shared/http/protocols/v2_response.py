"""Convert predictions to the output tensors of the Open Inference Protocol."""

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
"""By name: the datatype, and whether a row has a value for each label. Each output has a row for each image."""

Values = npt.NDArray[Any] | list[str]


@dataclass(frozen=True, slots=True)
class RequestedOutput:
    """An output that a request names."""

    name: str
    in_binary: bool = False
    classes: int | None = None
    """Triton's classification extension: the number of ``score:index:label`` strings instead of scores."""


class Classified(Protocol):
    """An object that holds a model's classification of an image."""

    @property
    def classification(self) -> Classification:
        """The classification."""


def output_tensors(
    predictions: Sequence[Prediction], requested: Sequence[RequestedOutput], labels: Sequence[str]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the output tensors and the parameters of an answer.

    Args:
        predictions: one for each image.
        requested: the outputs, in order; those ``in_binary`` get ``binary`` in place of ``data``.
        labels: the model's labels, in the order of its outputs.
    """
    outputs = [_output(predictions, output, labels) for output in requested]
    parameters = {"prediction_id": predictions[0].prediction_id} if len(predictions) == 1 else {}
    return outputs, parameters


def probabilities(prediction: Classified, labels: Sequence[str]) -> list[float]:
    """Return the scores in the order of ``labels``."""
    scores = {candidate.label: candidate.score for candidate in prediction.classification.candidates}
    return [scores[label] for label in labels]


def _output(predictions: Sequence[Prediction], requested: RequestedOutput, labels: Sequence[str]) -> dict[str, Any]:
    values: Values
    shape, datatype = [len(predictions)], OUTPUTS[requested.name][0]
    if requested.classes:
        classes = min(requested.classes, len(labels))
        values = [text for prediction in predictions for text in _classes(prediction, classes, labels)]
        shape, datatype = [len(predictions), classes], "BYTES"
    else:
        values = _values(predictions, requested.name, labels)
        shape += [len(labels)] if requested.name == "probabilities" else []
    output: dict[str, Any] = {"name": requested.name, "datatype": datatype, "shape": shape}
    if requested.in_binary:
        return {**output, "binary": values}
    return {**output, "data": values if isinstance(values, list) else values.reshape(-1).tolist()}


def _values(predictions: Sequence[Prediction], name: str, labels: Sequence[str]) -> Values:
    classifications = [prediction.classification for prediction in predictions]
    match name:
        case "probabilities":
            return np.array([probabilities(prediction, labels) for prediction in predictions], np.float32)
        case "label":
            return [classification.label for classification in classifications]
        case "score":
            return np.array([classification.score for classification in classifications], np.float32)
        case "needs_review":
            return np.array([classification.needs_review for classification in classifications], np.bool_)
    return [prediction.prediction_id for prediction in predictions]


def _classes(prediction: Prediction, classes: int, labels: Sequence[str]) -> list[str]:
    """Return the best classes, best first, as Triton writes them."""
    best = prediction.classification.candidates[:classes]
    return [f"{candidate.score:f}:{labels.index(candidate.label)}:{candidate.label}" for candidate in best]
