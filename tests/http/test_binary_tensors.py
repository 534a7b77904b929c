"""The binary tensor extension: raw tensors follow the JSON, in requests and in answers."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import requests

HEADER = "Inference-Header-Content-Length"
Pixels = npt.NDArray[np.uint8]


def element(content: bytes) -> bytes:
    return struct.pack("<I", len(content)) + content


def post(url: str, tensor: dict[str, Any], binary: bytes, **more: Any) -> requests.Response:
    parameters = {"binary_data_size": len(binary), **tensor.pop("parameters", {})}
    head = json.dumps({"inputs": [{"name": "image", **tensor, "parameters": parameters}], **more}).encode()
    path = "/v2/models/flowers/infer?record=false"
    return requests.post(url + path, data=head + binary, headers={HEADER: str(len(head))}, timeout=30)


def labels_in(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    [labels] = [output["data"] for output in answer.json()["outputs"] if output["name"] == "label"]
    return list(labels)


def test_binary_tensor_takes_raw_files_after_the_json(url: str, daisy: bytes, tulips: bytes) -> None:
    binary = element(daisy) + element(tulips)
    assert labels_in(post(url, {"datatype": "BYTES", "shape": [2]}, binary)) == ["daisy", "tulips"]


def test_binary_tensor_takes_little_endian_pixels_after_the_json(url: str, daisy_pixels: Pixels) -> None:
    shape = [2, *daisy_pixels.shape]
    both = np.stack([daisy_pixels, daisy_pixels])
    assert labels_in(post(url, {"datatype": "UINT8", "shape": shape}, both.tobytes())) == ["daisy"] * 2
    floats = (both / 255).astype("<f4").tobytes()
    assert labels_in(post(url, {"datatype": "FP32", "shape": shape}, floats)) == ["daisy"] * 2


def test_binary_outputs_are_sent_if_requested(url: str, daisy: bytes, labels: list[str]) -> None:
    outputs = [
        {"name": "probabilities", "parameters": {"binary_data": True}},
        {"name": "label", "parameters": {"binary_data": True}},
        {"name": "score"},
    ]
    answer = post(url, {"datatype": "BYTES", "shape": [1]}, element(daisy), outputs=outputs)
    length = int(answer.headers[HEADER])
    head, tail = json.loads(answer.content[:length]), answer.content[length:]
    sizes = [output.get("parameters", {}).get("binary_data_size") for output in head["outputs"]]
    assert sizes == [4 * len(labels), 4 + len("daisy"), None]
    probabilities = np.frombuffer(tail[: sizes[0]], "<f4")
    assert labels[int(probabilities.argmax())] == "daisy"
    assert tail[sizes[0] :] == element(b"daisy")
    assert head["outputs"][2]["data"] == [pytest.approx(float(probabilities.max()))]


@pytest.mark.parametrize(
    ("tensor", "binary", "about"),
    [
        ({"datatype": "BYTES", "shape": [1]}, b"\x05\0\0\0hi", "middle of an element"),
        ({"datatype": "BYTES", "shape": [1]}, b"\x05\0", "middle of an element"),
        ({"datatype": "BYTES", "shape": [2]}, element(b"hi"), "elements"),
        (
            {"datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 3}},
            element(b"hi"),
            "binary_data_size",
        ),
        ({"datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": -1}}, b"", "binary_data_size"),
        ({"datatype": "UINT8", "shape": [1, 1, 1, 3]}, b"ab", "has 3"),
        ({"datatype": "UINT8", "shape": [1, 3]}, b"abc", "expected [images, height, width, 3]"),
        ({"datatype": "FP32", "shape": [1, 1, 1, 3]}, struct.pack("<3f", 1, float("nan"), 2), "expected 0 to 1"),
    ],
)
def test_binary_tensor_that_does_not_match_its_json_is_refused(
    url: str, tensor: dict[str, Any], binary: bytes, about: str
) -> None:
    answer = post(url, dict(tensor), binary)
    assert answer.status_code == 400, answer.text
    assert about in answer.json()["error"]


@pytest.mark.parametrize("header", ["-1", "x", "999999", "1e3", "²"])
def test_binary_header_that_is_not_a_length_within_the_body_is_refused(url: str, header: str) -> None:
    path = "/v2/models/flowers/infer"
    answer = requests.post(url + path, data=b"{}", headers={HEADER: header.encode()}, timeout=30)
    assert answer.status_code == 400
    assert HEADER in answer.json()["error"]
