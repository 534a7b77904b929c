"""Tests of the instances of the V1 protocols: which forms are read, which are refused, and how each is answered."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shared.errors import BadRequest
from shared.http.inputs import ImageBase64, ImagePixels, ImageUri
from shared.http.protocols import v1_instances as v1
from shared.http.protocols.v1_instances import CONFIDENCES, PROBABILITIES, SCORES, Choice, Instance
from shared.types import Candidate, Classification

B64 = {"b64": "aGk="}
HI = ImageBase64("aGk=")


@pytest.mark.parametrize(
    ("document", "rows"),
    [
        ({"instances": [1, 2]}, [1, 2]),
        ({"instances": []}, []),
        ({"inputs": [1, 2]}, [1, 2]),
        ({"inputs": B64}, [B64]),
        ({"inputs": {"a": [1, 2], "b": [3, 4]}}, [{"a": 1, "b": 3}, {"a": 2, "b": 4}]),
        ({"inputs": {"a": []}}, []),
    ],
)
def test_instances_are_rows_and_inputs_rows_or_columns(document: dict[str, Any], rows: list[Any]) -> None:
    assert v1.rows_of(document) == rows


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "neither or both"),
        ({"instances": [], "inputs": []}, "neither or both"),
        ({"instances": {"b64": "x"}}, "are a dict"),
        ({"instances": "x"}, "are a str"),
        ({"instances": None}, "are a NoneType"),
        ({"inputs": {"a": [1], "b": [1, 2]}}, "not columns of one length"),
        ({"inputs": {"a": 1}}, "not columns of one length"),
        ({"inputs": {"a": 1, "b": 2}}, "not columns of one length"),
        ({"inputs": {}}, "not columns of one length"),
    ],
)
def test_instances_without_rows_are_refused(document: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        v1.rows_of(document)


def test_outputs_are_columns_where_rows_are_objects() -> None:
    assert v1.columns_of([{"a": 1, "b": 2}, {"a": 3}]) == {"a": [1, 3], "b": [2, None]}
    assert v1.columns_of([[1], [2]]) == [[1], [2]]
    assert v1.columns_of([{"a": 1}, [2]]) == [{"a": 1}, [2]]


@pytest.mark.parametrize(
    ("value", "instance"),
    [
        (B64, Instance(HI, PROBABILITIES)),
        ({"image_bytes": B64}, Instance(HI, SCORES)),
        ({"image_bytes": B64, "key": "1"}, Instance(HI, SCORES, "1")),
        ({"anything": B64, "note": "seen in May"}, Instance(HI, PROBABILITIES)),
        ({"content": "aGk="}, Instance(HI, CONFIDENCES)),
        ({"gcsUri": "gs://b/a.jpg", "mimeType": "image/jpeg"}, Instance(ImageUri("gs://b/a.jpg"), CONFIDENCES)),
    ],
)
def test_instance_key_decides_the_shape_of_its_answer(value: Any, instance: Instance) -> None:
    assert v1.instance_from(value) == instance


def test_nested_lists_are_pixels() -> None:
    instance = v1.instance_from([[[0, 128, 255]]])
    assert isinstance(instance.image, ImagePixels)
    assert (instance.image.pixels.tolist(), instance.shape) == ([[[0, 128, 255]]], PROBABILITIES)
    assert instance.image.scale == 1.0


@pytest.mark.parametrize(
    "value",
    ["aGk=", 1, None, {}, {"a": B64, "b": B64}, {"a": {"b64": 1}}, {"b64": 1}, {"content": 1}, {"gcsUri": None}],
)
def test_instance_of_unknown_form_is_refused(value: Any) -> None:
    with pytest.raises(BadRequest, match=r"An instance (is|has)"):
        v1.instance_from(value)


def instances(*shapes: str) -> list[Instance]:
    return [Instance(HI, shape) for shape in shapes]


def test_instances_of_one_kind_have_the_shape_of_that_kind() -> None:
    assert v1.shape_of(instances(SCORES, SCORES), {}) == SCORES
    assert v1.shape_of([], {}) == PROBABILITIES
    assert v1.shape_of(instances(SCORES, CONFIDENCES), {"format": PROBABILITIES}) == PROBABILITIES


def test_instances_of_several_kinds_or_an_unknown_format_are_refused() -> None:
    with pytest.raises(BadRequest, match="different kinds"):
        v1.shape_of(instances(SCORES, CONFIDENCES), {})
    with pytest.raises(BadRequest, match="expected one of probabilities, scores, confidences"):
        v1.shape_of(instances(SCORES), {"format": "xml"})


@pytest.mark.parametrize(
    ("parameters", "choice"),
    [
        ({}, Choice(0.0, 10)),
        ({"confidenceThreshold": 0}, Choice(0, 10)),
        ({"confidenceThreshold": 1}, Choice(1, 10)),
        ({"confidenceThreshold": 0.5, "maxPredictions": 1}, Choice(0.5, 1)),
        ({"maxPredictions": 3.0}, Choice(0.0, 3)),
    ],
)
def test_parameters_limit_what_is_shown(parameters: dict[str, Any], choice: Choice) -> None:
    assert v1.choice_from(parameters) == choice


@pytest.mark.parametrize("value", [-0.001, 1.001, True, "1", None, float("nan")])
def test_confidence_threshold_out_of_range_is_refused(value: Any) -> None:
    with pytest.raises(BadRequest, match="confidenceThreshold"):
        v1.choice_from({"confidenceThreshold": value})


@pytest.mark.parametrize("value", [0, -1, 0.5, 1.5, True, "1", None, float("inf")])
def test_max_predictions_out_of_range_is_refused(value: Any) -> None:
    with pytest.raises(BadRequest, match="maxPredictions"):
        v1.choice_from({"maxPredictions": value})


LABELS = ("z", "a", "m")
PREDICTION = SimpleNamespace(
    classification=Classification(
        "m", 0.5, (Candidate("m", 0.5), Candidate("z", 0.25), Candidate("a", 0.125)), needs_review=False
    )
)


@pytest.mark.parametrize(
    ("shape", "key", "expected"),
    [
        (PROBABILITIES, None, [0.25, 0.125, 0.5]),
        (SCORES, None, {"scores": [0.25, 0.125, 0.5], "prediction": 2}),
        (SCORES, "k", {"scores": [0.25, 0.125, 0.5], "prediction": 2, "key": "k"}),
        (SCORES, 0, {"scores": [0.25, 0.125, 0.5], "prediction": 2, "key": 0}),
        (CONFIDENCES, None, {"ids": ["2", "0"], "displayNames": ["m", "z"], "confidences": [0.5, 0.25]}),
    ],
)
def test_scores_are_in_the_order_of_the_models_outputs(shape: str, key: Any, expected: Any) -> None:
    assert v1.format_prediction(PREDICTION, shape, LABELS, key, Choice(0.25, 3)) == expected


@pytest.mark.parametrize(
    ("most", "threshold", "shown"), [(1, 0.0, 1), (2, 0.0, 2), (3, 0.0, 3), (3, 0.26, 1), (1, 1, 0)]
)
def test_confidences_are_limited_in_number_and_by_the_threshold(most: int, threshold: float, shown: int) -> None:
    answer = v1.format_prediction(PREDICTION, CONFIDENCES, LABELS, None, Choice(threshold, most))
    assert {len(values) for values in answer.values()} == {shown}


def test_pixels_that_are_not_numbers_are_refused() -> None:
    for value in ([["a"]], [[1], [1, 2]], [[[True, False, True]]], [[[0, 0]]]):
        with pytest.raises(BadRequest):
            v1.instance_from(value)
    assert np.float32(255) == v1.instance_from([[[255, 0, 0]]]).image.pixels.max()  # type: ignore[union-attr]
