"""Tests of tensors and requests of the Open Inference Protocol, without a server: read, refused, and written."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shared.errors import BadRequest
from shared.http.inputs import ImageBase64, ImageBytes, ImagePixels, ImageUri
from shared.http.protocols import tensors
from shared.http.protocols.v2_request import read_inference_request
from shared.http.protocols.v2_response import OUTPUTS, RequestedOutput, output_tensors
from shared.types import Candidate, Classification

NOTHING = memoryview(b"")


def document(*data: Any, **changes: Any) -> dict[str, Any]:
    tensor = {"name": "image", "datatype": "BYTES", "shape": [len(data)], "data": list(data)}
    parts = {key: changes.pop(key) for key in ("id", "outputs", "of_request") if key in changes}
    body: dict[str, Any] = {"inputs": [tensor | changes]}
    if "of_request" in parts:
        body["parameters"] = parts.pop("of_request")
    return body | parts


def images(*data: Any, binary: bytes = b"", **changes: Any) -> list[Any]:
    return read_inference_request(document(*data, **changes), memoryview(binary)).images


def test_tensor_strings_are_base64_or_uris_by_prefix_or_content_type() -> None:
    assert images("aGk=", "gs://b/a") == [ImageBase64("aGk="), ImageUri("gs://b/a")]
    assert images("gs://b/a", parameters={"content_type": "base64"}) == [ImageBase64("gs://b/a")]
    assert images("a", parameters={"content_type": "uri"}) == [ImageUri("a")]
    assert images("a", of_request={"content_type": "uri"}) == [ImageUri("a")]
    assert images("a", parameters={"content_type": "base64"}, of_request={"content_type": "uri"}) == [ImageBase64("a")]


def test_tensor_binary_elements_are_files_unless_declared_otherwise() -> None:
    binary = b"".join(struct.pack("<I", len(element)) + element for element in (b"hi", b"", b"gs://b/a"))
    changes: dict[str, Any] = {"shape": [3], "parameters": {"binary_data_size": len(binary)}}
    assert images(binary=binary, **changes) == [ImageBytes(b"hi"), ImageBytes(b""), ImageBytes(b"gs://b/a")]
    changes["parameters"]["content_type"] = "uri"
    assert images(binary=binary, **changes)[2] == ImageUri("gs://b/a")
    changes["parameters"]["content_type"] = "base64"
    assert images(binary=binary, **changes)[0] == ImageBase64("hi")
    changes["parameters"]["content_type"] = "raw"
    assert images(binary=binary, **changes)[0] == ImageBytes(b"hi")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": None}, "has no name"),
        ({"name": 1}, "has no name"),
        ({"datatype": "INT8"}, "datatype is 'INT8'"),
        ({"datatype": None}, "datatype is 'None'"),
        ({"shape": []}, "shape is invalid"),
        ({"shape": "1"}, "shape is invalid"),
        ({"shape": [1] * 9}, "shape is invalid"),
        ({"shape": [-1]}, "shape is invalid"),
        ({"shape": [True]}, "shape is invalid"),
        ({"shape": [1.0]}, "shape is invalid"),
        ({"shape": [1 << 32]}, "shape is invalid"),
        ({"shape": [2]}, "has 1 elements, but its shape is"),
        ({"data": None}, "data is a NoneType"),
        ({"data": "a"}, "data is a str"),
        ({"data": [1]}, "other values, expected strings"),
        ({"parameters": {"content_type": 1}}, "content_type is '1'"),
        ({"parameters": {"content_type": "xml"}}, "content_type is 'xml'"),
        ({"parameters": {"content_type": "raw"}}, "JSON holds no raw bytes"),
        ({"parameters": {"binary_data_size": 1}}, "binary_data_size is 1, but 0 bytes"),
        ({"parameters": {"binary_data_size": False}}, "binary_data_size is False"),
        ({"parameters": {"binary_data_size": "0"}}, "binary_data_size is 0"),
        ({"parameters": 1}, "parameters is a int"),
        ({"id": 1}, "id is a int"),
        ({"outputs": "all"}, "not a list of objects"),
        ({"outputs": ["label"]}, "not a list of objects"),
        ({"outputs": [{"name": "colour"}]}, "output 'colour' does not exist"),
        ({"outputs": [{"name": "label", "parameters": {"binary_data": 1}}]}, "expected true or false"),
        ({"outputs": [{"name": "label", "parameters": {"classification": 1}}]}, "expected only for probabilities"),
        ({"outputs": [{"name": "probabilities", "parameters": {"classification": 0}}]}, "classification is '0'"),
        ({"outputs": [{"name": "probabilities", "parameters": {"classification": True}}]}, "classification is 'True'"),
        ({"of_request": {"classification": "2"}}, "classification is '2'"),
        ({"of_request": {"binary_data_output": "yes"}}, "expected true or false"),
    ],
)
def test_tensor_request_error_names_what_is_wrong(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        read_inference_request(document("aGk=", **changes), NOTHING)


@pytest.mark.parametrize("inputs", [None, [], [{}, {}], [1], {}])
def test_tensor_request_needs_exactly_one_input(inputs: Any) -> None:
    with pytest.raises(BadRequest, match="does not have one input"):
        read_inference_request({"inputs": inputs}, NOTHING)


def test_tensor_outputs_are_all_by_default() -> None:
    changes: dict[str, Any]
    for changes in ({}, {"outputs": []}, {"outputs": None}):
        request = read_inference_request(document("aGk=", id="7", **changes), NOTHING)
        assert ([output.name for output in request.outputs], request.id) == (list(OUTPUTS), "7")
        assert not any(output.in_binary or output.classes for output in request.outputs)


def test_tensor_output_parameters_override_those_of_the_request() -> None:
    both = {"binary_data_output": True, "classification": 2}
    outputs = [{"name": "probabilities"}, {"name": "label"}, {"name": "score", "parameters": {"binary_data": False}}]
    outputs_read = read_inference_request(document("aGk=", outputs=outputs, of_request=both), NOTHING).outputs
    assert outputs_read == [
        RequestedOutput("probabilities", True, 2),
        RequestedOutput("label", True, None),
        RequestedOutput("score", False, None),
    ]


@pytest.mark.parametrize(
    ("numbers", "scale"), [([0.0, 1.0], 255.0), ([0.0, 1.001], 1.0), ([0.0, 255.0], 1.0), ([0.5, 0.5], 255.0)]
)
def test_tensor_white_is_1_unless_a_value_exceeds_it(numbers: list[float], scale: float) -> None:
    [image] = tensors.images_of_pixels(np.resize(np.array(numbers, np.float32), (1, 1, 2, 3)))
    assert isinstance(image, ImagePixels)
    assert image.scale == scale


@pytest.mark.parametrize("numbers", [[-0.001, 1], [0, 255.5], [float("nan"), 1], [float("inf"), 0]])
def test_tensor_values_that_are_not_pixels_are_refused(numbers: list[float]) -> None:
    with pytest.raises(BadRequest, match="expected 0 to 1 or 0 to 255"):
        tensors.images_of_pixels(np.resize(np.array(numbers, np.float32), (1, 1, 2, 3)))


@pytest.mark.parametrize("shape", [(1, 2, 3), (1, 1, 2, 4), (1, 1, 2, 1), (0, 1, 2, 3), (1, 0, 2, 3), (1, 1, 1, 2, 3)])
def test_tensor_of_another_shape_than_images_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadRequest, match=r"expected \[images, height, width, 3\]"):
        tensors.images_of_pixels(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("data", [[[[0, 1, 255]]], [0, 1, 255]])
def test_tensor_pixels_in_json_may_be_nested_or_flat(data: list[Any]) -> None:
    pixels = tensors.pixels_from_json(data, [1, 1, 1, 3], "UINT8")
    assert pixels.tolist() == [[[[0, 1, 255]]]]
    assert pixels.dtype == np.uint8
    assert tensors.pixels_from_json(data, [1, 1, 1, 3], "FP32").dtype == np.float32


@pytest.mark.parametrize(
    ("data", "datatype", "message"),
    [
        ([], "UINT8", "has no numbers"),
        ([1, 2], "UINT8", "has 2 numbers; shape"),
        ([1, 2, 256], "UINT8", "0 to 255"),
        ([1, 2, -1], "UINT8", "0 to 255"),
        ([1.0, 2.0, 3.0], "UINT8", "0 to 255"),
        ([True, False, True], "FP32", "expected only numbers"),
        (["1", "2", "3"], "FP32", "expected only numbers"),
        ([[1], [2, 3]], "FP32", "equal lengths"),
    ],
)
def test_tensor_error_names_what_is_wrong_with_pixels_in_json(data: list[Any], datatype: str, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        tensors.pixels_from_json(data, [1, 1, 1, 3], datatype)


def test_tensor_binary_pixels_are_little_endian_and_match_the_shape() -> None:
    content = np.array([0.5, 1, 0], "<f4").tobytes()
    assert tensors.pixels_from_binary(memoryview(content), [1, 1, 3], "FP32").tolist() == [[[0.5, 1.0, 0.0]]]
    for more in (content + b"\0", content[:-1]):
        with pytest.raises(BadRequest, match=f"has {len(more)} bytes"):
            tensors.pixels_from_binary(memoryview(more), [1, 1, 3], "FP32")


@pytest.mark.parametrize("content", [b"\1", b"\1\0\0\0", b"\2\0\0\0a", b"\1\0\0\0a\1\0"])
def test_tensor_element_that_ends_early_is_refused(content: bytes) -> None:
    with pytest.raises(BadRequest, match="in the middle of an element"):
        list(tensors.elements_from_binary(memoryview(content)))


def test_tensor_nested_elements_keep_their_order() -> None:
    assert tensors.flat([["a", ["b"]], [], "c"]) == ["a", "b", "c"]


def test_tensor_numbers_and_texts_are_written_in_binary() -> None:
    assert tensors.to_binary(np.array([1, 0.5], ">f4")) == struct.pack("<ff", 1, 0.5)
    assert tensors.to_binary(["é", ""]) == b"\2\0\0\0\xc3\xa9\0\0\0\0"


LABELS = ("z", "a", "m")


def prediction(number: int, scores: tuple[float, float, float], needs_review: bool = False) -> Any:
    order = sorted(zip(LABELS, scores, strict=True), key=lambda pair: -pair[1])
    candidates = tuple(Candidate(*pair) for pair in order)
    classification = Classification(candidates[0].label, candidates[0].score, candidates, needs_review)
    return SimpleNamespace(prediction_id=f"id-{number}", classification=classification)


ONE, TWO = prediction(1, (0.25, 0.125, 0.625)), prediction(2, (0.5, 0.25, 0.25), needs_review=True)


@pytest.mark.parametrize(
    ("requested", "datatype", "shape", "data"),
    [
        (RequestedOutput("probabilities"), "FP32", [2, 3], [0.25, 0.125, 0.625, 0.5, 0.25, 0.25]),
        (RequestedOutput("label"), "BYTES", [2], ["m", "z"]),
        (RequestedOutput("score"), "FP32", [2], [0.625, 0.5]),
        (RequestedOutput("needs_review"), "BOOL", [2], [False, True]),
        (RequestedOutput("prediction_id"), "BYTES", [2], ["id-1", "id-2"]),
        (RequestedOutput("probabilities", classes=1), "BYTES", [2, 1], ["0.625000:2:m", "0.500000:0:z"]),
        (
            RequestedOutput("probabilities", classes=9),
            "BYTES",
            [2, 3],
            ["0.625000:2:m", "0.250000:0:z", "0.125000:1:a", "0.500000:0:z", "0.250000:1:a", "0.250000:2:m"],
        ),
    ],
)
def test_tensor_output_has_a_row_for_each_image(
    requested: RequestedOutput, datatype: str, shape: list[int], data: list[Any]
) -> None:
    [output], parameters = output_tensors([ONE, TWO], [requested], LABELS)
    assert output == {"name": requested.name, "datatype": datatype, "shape": shape, "data": data}
    assert parameters == {}


def test_tensor_response_of_one_image_has_its_id_in_the_parameters() -> None:
    [output], parameters = output_tensors([ONE], [RequestedOutput("score", in_binary=True)], LABELS)
    assert parameters == {"prediction_id": "id-1"}
    assert output.pop("binary").tolist() == [0.625]
    assert output == {"name": "score", "datatype": "FP32", "shape": [1]}
