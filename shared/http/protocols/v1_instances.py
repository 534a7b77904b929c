"""Instances of the V1 protocols and their predictions, in three shapes.

TensorFlow Serving, KServe V1 and Vertex AI post to the same path and expect different answers. The keys of an instance
show which of the clients sent it:

=====================================  ===================  =====================================================
instance                               client               prediction
=====================================  ===================  =====================================================
``{"b64": …}``, or nested numbers      TensorFlow Serving   ``[0.01, 0.97, 0.02]``
``{"image_bytes": {"b64": …}}``        KServe V1            ``{"scores": […], "prediction": 1, "key": "1"}``
``{"content": …}``, ``{"gcsUri": …}``  Vertex AI            ``{"ids": […], "displayNames": […], "confidences": …}``
=====================================  ===================  =====================================================

https://github.com/tensorflow/serving/blob/master/tensorflow_serving/g3doc/api_rest.md (Encoding binary values),
https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol,
https://cloud.google.com/vertex-ai/docs/image-data/classification/get-predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.errors import BadRequest
from shared.http.inputs import ImageBase64, ImageInput, ImageUri
from shared.http.protocols.tensors import images_of_pixels, numbers_from
from shared.http.protocols.v2_response import Classified, probabilities

PROBABILITIES, SCORES, CONFIDENCES = "probabilities", "scores", "confidences"
SHAPES = (PROBABILITIES, SCORES, CONFIDENCES)

EXPECTED = (
    'expected {"b64": …}, {"image_bytes": {"b64": …}}, {"content": …}, {"gcsUri": "gs://…"} or pixels as nested lists'
)


@dataclass(frozen=True, slots=True)
class Instance:
    """One image of a request, and the shape of its answer."""

    image: ImageInput
    shape: str
    key: Any = None
    """KServe's identifier of an instance; it is returned with the prediction."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The candidates that Vertex AI's shape contains."""

    threshold: float = 0.0
    """The lowest score."""
    most: int = 10
    """The largest number of candidates."""


def rows_of(document: dict[str, Any]) -> list[Any]:
    """Return the instances of a request; ``inputs`` has them in columns, or as a list if there is one column.

    Raises:
        BadRequest: there are neither or both, or they are not lists of one length.
    """
    if ("instances" in document) == ("inputs" in document):
        raise BadRequest('The body has neither or both of "instances" and "inputs", expected one of them.')
    inputs = document.get("instances", document.get("inputs"))
    if isinstance(inputs, dict) and "inputs" in document:
        if "b64" in inputs:
            return [inputs]
        lengths = {len(column) if isinstance(column, list) else -1 for column in inputs.values()}
        if len(lengths) != 1 or lengths == {-1}:
            raise BadRequest("The inputs are not columns of one length, expected lists of equal length.")
        return [dict(zip(inputs, row, strict=True)) for row in zip(*inputs.values(), strict=True)]
    if not isinstance(inputs, list):
        raise BadRequest(f"The instances are a {type(inputs).__name__}, expected a list.")
    return inputs


def columns_of(rows: list[Any]) -> Any:
    """Return rows of objects as one object of columns."""
    if not all(isinstance(row, dict) for row in rows):
        return rows
    return {name: [row.get(name) for row in rows] for row in rows for name in row}


def instance_from(value: Any) -> Instance:
    """Read an instance.

    Raises:
        BadRequest: it has none of the known forms.
    """
    if isinstance(value, list):
        return Instance(_image_of_pixels(value), PROBABILITIES)
    if not isinstance(value, dict):
        raise BadRequest(f"An instance is a {type(value).__name__}, {EXPECTED}.")
    for name, image in (("content", ImageBase64), ("gcsUri", ImageUri)):
        if isinstance(text := value.get(name), str):
            return Instance(image(text), CONFIDENCES)
    if isinstance(text := value.get("b64"), str):
        return Instance(ImageBase64(text), PROBABILITIES)
    shape = SCORES if "image_bytes" in value else PROBABILITIES
    return Instance(feature_from(value), shape, value.get("key"))


def feature_from(example: dict[str, Any]) -> ImageBase64:
    """Return the only feature that is an image, ``{"b64": …}``, by any name; other features are ignored.

    Raises:
        BadRequest: no feature or more than one is an image.
    """
    features = [value["b64"] for value in example.values() if isinstance(value, dict) and "b64" in value]
    if len(features) != 1 or not isinstance(features[0], str):
        raise BadRequest(f"An instance has the keys {', '.join(example)[:200] or 'none'}, {EXPECTED}.")
    return ImageBase64(features[0])


def shape_of(instances: Sequence[Instance], parameters: dict[str, Any]) -> str:
    """Return the shape of a request's answer; ``parameters.format`` takes precedence over the instances.

    Raises:
        BadRequest: the instances are of different kinds, or the format is unknown.
    """
    requested = parameters.get("format")
    if requested is not None:
        if requested not in SHAPES:
            raise BadRequest(f"parameters.format is {str(requested)[:40]!r}, expected one of {', '.join(SHAPES)}.")
        return str(requested)
    shapes = {instance.shape for instance in instances}
    if len(shapes) > 1:
        raise BadRequest(
            "The instances are of different kinds, which have different answers; send one kind in a request."
        )
    return shapes.pop() if shapes else PROBABILITIES


def choice_from(parameters: dict[str, Any]) -> Choice:
    """Read Vertex AI's ``confidenceThreshold`` and ``maxPredictions``; their defaults are Vertex AI's.

    Raises:
        BadRequest: one of them is not a number, or is out of range.
    """
    threshold = parameters.get("confidenceThreshold", 0.0)
    most = parameters.get("maxPredictions", 10)
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise BadRequest(f"confidenceThreshold is {str(threshold)[:40]}, expected a number from 0 to 1.")
    if isinstance(most, bool) or not isinstance(most, int | float) or not _is_whole(most) or most < 1:
        raise BadRequest(f"maxPredictions is {str(most)[:40]}, expected a whole number of 1 or more.")
    return Choice(threshold, int(most))


def _is_whole(number: int | float) -> bool:
    return isinstance(number, int) or number.is_integer()  # JSON can hold infinity, as 1e999, which is not whole


def format_prediction(prediction: Classified, shape: str, labels: Sequence[str], key: Any, choice: Choice) -> Any:
    """Return a prediction in one of the three shapes."""
    if shape == CONFIDENCES:
        return _confidences(prediction, labels, choice)
    scores = probabilities(prediction, labels)
    if shape == PROBABILITIES:
        return scores
    scores_and_label = {"scores": scores, "prediction": labels.index(prediction.classification.label)}
    return scores_and_label if key is None else {**scores_and_label, "key": key}


def _confidences(prediction: Classified, labels: Sequence[str], choice: Choice) -> dict[str, Any]:
    candidates = prediction.classification.candidates[: choice.most]
    kept = [candidate for candidate in candidates if candidate.score >= choice.threshold]
    return {
        "ids": [str(labels.index(candidate.label)) for candidate in kept],
        "displayNames": [candidate.label for candidate in kept],
        "confidences": [candidate.score for candidate in kept],
    }


def _image_of_pixels(value: list[Any]) -> ImageInput:
    [image] = images_of_pixels(numbers_from(value).astype(np.float32)[np.newaxis])
    return image
