"""The Open Inference Protocol: metadata, health, and inference in JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import requests

from tests.http.conftest import b64

Pixels = npt.NDArray[np.uint8]
INFER = "/v2/models/flowers/infer"


def post(url: str, document: Any, path: str = INFER, **query: str) -> requests.Response:
    return requests.post(url + path, json=document, params={"record": "false", **query}, timeout=30)


def asked(*data: object, datatype: str | None = "BYTES", shape: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    tensor = {"name": "image", "shape": shape or [len(data)], "datatype": datatype, "data": list(data)}
    return {"inputs": [{**tensor, **more}]}


def output(answer: requests.Response, name: str) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    [found] = [one for one in answer.json()["outputs"] if one["name"] == name]
    return dict(found)


def test_the_server_says_who_it_is_and_what_it_adds_to_the_protocol(url: str) -> None:
    answer = requests.get(f"{url}/v2", timeout=30).json()
    assert answer["name"] == "bucketlens"
    assert {"classification", "binary_tensor_data"} <= set(answer["extensions"])


@pytest.mark.parametrize("path", ["/v2/models/flowers", "/v2/models/flowers/versions/1"])
def test_a_model_says_what_it_takes_and_gives(url: str, labels: list[str], path: str) -> None:
    answer = requests.get(url + path, timeout=30).json()
    assert (answer["name"], answer["versions"], answer["labels"]) == ("flowers", ["1"], labels)
    assert answer["inputs"] == [{"name": "image", "datatype": "BYTES", "shape": [-1]}]
    assert {"name": "probabilities", "datatype": "FP32", "shape": [-1, len(labels)]} in answer["outputs"]
    assert requests.get(f"{url}{path}/ready", timeout=30).json()["ready"] is True


@pytest.mark.parametrize("path", ["/v2/models/trees", "/v2/models/flowers/versions/7", "/v2/models/trees/versions/1"])
def test_a_model_or_version_that_is_not_served_is_not_found(url: str, path: str) -> None:
    for answer in (requests.get(url + path, timeout=30), requests.get(f"{url}{path}/ready", timeout=30)):
        assert answer.status_code == 404
        assert "flowers" in answer.json()["error"]
    assert post(url, asked("x"), f"{path}/infer").status_code == 404


def test_an_image_in_base64_is_answered_with_every_output(url: str, daisy: bytes, labels: list[str]) -> None:
    answer = post(url, asked(b64(daisy), parameters={"content_type": "base64"}))
    probabilities = output(answer, "probabilities")
    assert (probabilities["datatype"], probabilities["shape"]) == ("FP32", [1, len(labels)])
    assert labels[int(np.argmax(probabilities["data"]))] == "daisy"
    assert sum(probabilities["data"]) == pytest.approx(1, abs=1e-5)
    assert output(answer, "label")["data"] == ["daisy"]
    assert output(answer, "score")["data"] == [max(probabilities["data"])]
    document = answer.json()
    assert (document["model_name"], document["model_version"]) == ("flowers", "1")
    assert document["id"]
    assert [document["parameters"]["prediction_id"]] == output(answer, "prediction_id")["data"]


def test_the_callers_id_comes_back(url: str, daisy: bytes) -> None:
    assert post(url, {"id": "42", **asked(b64(daisy))}).json()["id"] == "42"


def test_images_of_one_tensor_are_answered_in_order(url: str, daisy: bytes, tulips: bytes) -> None:
    for shape, data in (([3], [b64(one) for one in (daisy, tulips, daisy)]), ([2, 1], [[b64(daisy)], [b64(tulips)]])):
        answer = post(url, asked(*data, shape=shape))
        assert output(answer, "label")["data"] == ["daisy", "tulips", "daisy"][: shape[0]]


def test_classification_gives_the_best_classes_as_triton_writes_them(url: str, daisy: bytes, labels: list[str]) -> None:
    for parameters in ({"classification": 2}, {"classification": 99}):
        document = {**asked(b64(daisy)), "outputs": [{"name": "probabilities", "parameters": parameters}]}
        found = output(post(url, document), "probabilities")
        classes = min(parameters["classification"], len(labels))
        assert (found["datatype"], found["shape"]) == ("BYTES", [1, classes])
        score, index, label = found["data"][0].split(":")
        assert (labels[int(index)], label) == ("daisy", "daisy")
        assert float(score) > 0.9


@pytest.mark.parametrize("datatype", ["UINT8", "FP32"])
def test_pixels_are_answered_as_the_same_picture_would_be(url: str, daisy_pixels: Pixels, datatype: str) -> None:
    numbers = daisy_pixels if datatype == "UINT8" else daisy_pixels.astype(np.float32)
    whole: dict[str, Any] = {"datatype": datatype, "shape": [1, *daisy_pixels.shape]}
    nested = post(url, asked(numbers.tolist(), **whole))
    flat = post(url, asked(*numbers.reshape(-1).tolist(), **whole))
    assert output(nested, "label")["data"] == ["daisy"]
    assert output(nested, "score")["data"] == output(flat, "score")["data"]


def test_floating_point_pixels_may_be_0_to_1_or_0_to_255(url: str, daisy_pixels: Pixels) -> None:
    whole: dict[str, Any] = {"datatype": "FP32", "shape": [1, *daisy_pixels.shape]}
    scores = [output(post(url, asked((daisy_pixels / scale).tolist(), **whole)), "score")["data"] for scale in (1, 255)]
    assert scores[0] == scores[1]


def test_an_object_is_classified_by_its_uri(url: str, daisy: bytes) -> None:
    recorded = requests.post(f"{url}/v1/classify", data=daisy, timeout=30).json()
    sha256 = recorded["image"]["sha256"]
    uri = f"gs://bucketlens-archive/{sha256[:2]}/{sha256}.jpg"
    for parameters in ({"content_type": "uri"}, {}):
        assert output(post(url, asked(uri, parameters=parameters)), "label")["data"] == ["daisy"]
    assert post(url, asked("gs://bucketlens-archive/nothing.jpg")).status_code == 404
    assert post(url, asked("gs://somebody-elses/daisy.jpg")).status_code == 403


def test_an_error_of_one_image_says_which(url: str, daisy: bytes) -> None:
    answer = post(url, asked(b64(daisy), b64(b"a list")))
    assert answer.status_code == 415
    assert answer.json()["error"].startswith("Image 2 of 2: The file's 6 bytes are of no image format")


@pytest.mark.parametrize(
    ("document", "about"),
    [
        ({}, "no single input"),
        ({"inputs": []}, "no single input"),
        ({"inputs": ["x"]}, "no single input"),
        ({**asked("x"), "id": 7}, "id"),
        (asked("x", datatype="FP16"), "datatype"),
        (asked("x", datatype=None), "datatype"),
        (asked("x", name=None), "name"),
        (asked("x", shape=[2]), "shape"),
        (asked("x", shape=[-1]), "shape"),
        (asked("x", shape=["1"]), "shape"),
        (asked(7), "strings"),
        (asked("!"), "base64"),
        (asked("aGk", parameters=[]), "parameters"),
        (asked("x", parameters={"content_type": "str"}), "content_type"),
        (asked("x", parameters={"content_type": 7}), "content_type"),
        (asked("x", parameters={"binary_data_size": 3}), "binary_data_size"),
        (asked(1, 2, 3, datatype="UINT8", shape=[3]), "shape"),
        (asked(1, 2, datatype="UINT8", shape=[1, 1, 1, 3]), "numbers"),
        (asked(1, 2, 256, datatype="UINT8", shape=[1, 1, 1, 3]), "0 to 255"),
        (asked(1, 2, 0.5, datatype="UINT8", shape=[1, 1, 1, 3]), "0 to 255"),
        (asked(1, 2, "3", datatype="UINT8", shape=[1, 1, 1, 3]), "numbers"),
        (asked([1], [1, 2], datatype="UINT8", shape=[1, 1, 1, 3]), "lengths"),
        (asked(1, 2, 300, datatype="FP32", shape=[1, 1, 1, 3]), "0 to 255"),
        (asked(1, 2, -1, datatype="FP32", shape=[1, 1, 1, 3]), "0 to 255"),
        (asked(datatype="UINT8", shape=[0, 1, 1, 3]), "shape"),
        (asked(datatype="UINT8", shape=[1 << 31, 1 << 31, 1, 3]), "numbers"),
        ({**asked("x"), "outputs": [{"name": "logits"}]}, "output"),
        ({**asked("x"), "outputs": [{"name": "label", "parameters": {"classification": 2}}]}, "classification"),
        ({**asked("x"), "outputs": [{"name": "probabilities", "parameters": {"classification": 0}}]}, "classification"),
        ({**asked("x"), "outputs": "label"}, "outputs"),
    ],
)
def test_a_malformed_request_is_told_what_is_wrong(url: str, document: object, about: str) -> None:
    answer = post(url, document)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"error"}
    assert about in answer.json()["error"]


def test_a_batch_is_recorded_like_images_one_at_a_time(url: str, daisy: bytes, tulips: bytes) -> None:
    documents = [
        requests.post(url + INFER, json=asked(b64(daisy), b64(tulips)), headers=key, timeout=30).json()
        for key in ({"Idempotency-Key": "v2"}, {"Idempotency-Key": "v2"}, {})
    ]
    ids = [output["data"] for one in documents for output in one["outputs"] if output["name"] == "prediction_id"]
    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])
