"""TensorFlow Serving's REST API and KServe's V1: the examples that they publish, with our images in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import requests

from tests.http.conftest import b64

Pixels = npt.NDArray[np.uint8]
MODEL = "/v1/models/flowers"
PATHS = (MODEL, f"{MODEL}/versions/1", f"{MODEL}/labels/stable")


def post(url: str, path: str, document: Any) -> requests.Response:
    return requests.post(url + path, json=document, params={"record": "false"}, timeout=30)


def found(answer: requests.Response, key: str = "predictions") -> list[Any]:
    assert answer.status_code == 200, answer.text
    return list(answer.json()[key])


@pytest.mark.parametrize("path", PATHS)
def test_the_status_has_the_keys_of_tensorflow_serving_and_of_kserve(url: str, path: str) -> None:
    answer = requests.get(url + path, timeout=30).json()
    [version] = answer["model_version_status"]
    assert (version["version"], version["state"]) == ("1", "AVAILABLE")
    assert version["status"] == {"error_code": "OK", "error_message": ""}
    assert (answer["name"], answer["ready"]) == ("flowers", True)


@pytest.mark.parametrize("path", PATHS)
def test_the_metadata_holds_a_signature(url: str, labels: list[str], path: str) -> None:
    answer = requests.get(f"{url}{path}/metadata", timeout=30).json()
    assert answer["model_spec"] == {"name": "flowers", "signature_name": "", "version": "1"}
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    sizes = [size["size"] for size in signature["outputs"]["probabilities"]["tensor_shape"]["dim"]]
    assert sizes == ["-1", str(len(labels))]


def test_the_models_are_listed_and_kserves_clients_hear_that_it_lives(url: str) -> None:
    assert requests.get(f"{url}/v1/models", timeout=30).json() == {"models": ["flowers"]}
    assert requests.get(url, timeout=30).json() == {"status": "alive"}


@pytest.mark.parametrize("path", PATHS)
def test_tensorflow_servings_resnet_client_gets_probabilities(
    url: str, daisy: bytes, tulips: bytes, labels: list[str], path: str
) -> None:
    # as tensorflow_serving/example/resnet_client.py: it asks for the largest of response.json()["predictions"][0]
    document = {"instances": [{"b64": b64(daisy)}, {"b64": b64(tulips)}]}
    predictions = found(post(url, f"{path}:predict", document))
    assert [labels[int(np.argmax(one))] for one in predictions] == ["daisy", "tulips"]


def test_kserves_flowers_sample_gets_scores_and_a_prediction_with_its_key(
    url: str, daisy: bytes, labels: list[str]
) -> None:
    # as docs/samples/v1beta1/tensorflow of KServe
    [prediction] = found(
        post(url, f"{MODEL}:predict", {"instances": [{"image_bytes": {"b64": b64(daisy)}, "key": "  1"}]})
    )
    assert isinstance(prediction, dict)
    assert prediction["key"] == "  1"
    assert labels[prediction["prediction"]] == "daisy"
    assert len(prediction["scores"]) == len(labels)


def test_content_gets_ids_names_and_confidences(url: str, daisy: bytes) -> None:
    [prediction] = found(post(url, f"{MODEL}:predict", {"instances": [{"content": b64(daisy)}]}))
    assert isinstance(prediction, dict)
    assert (prediction["ids"][0], prediction["displayNames"][0]) == ("0", "daisy")


@pytest.mark.parametrize("scale", [1, 255])
def test_pixels_as_nested_lists_get_probabilities(
    url: str, daisy_pixels: Pixels, labels: list[str], scale: int
) -> None:
    [prediction] = found(post(url, f"{MODEL}:predict", {"instances": [(daisy_pixels / scale).tolist()]}))
    assert isinstance(prediction, list)
    assert labels[int(np.argmax(prediction))] == "daisy"


def test_inputs_in_columns_are_answered_in_columns(url: str, daisy: bytes, tulips: bytes, labels: list[str]) -> None:
    images = [{"b64": b64(one)} for one in (daisy, tulips)]
    columns = post(url, f"{MODEL}:predict", {"inputs": {"image_bytes": images, "key": ["a", "b"]}}).json()["outputs"]
    assert columns["key"] == ["a", "b"]
    assert [labels[one] for one in columns["prediction"]] == ["daisy", "tulips"]
    for inputs in (images, {"image": images}):
        outputs = found(post(url, f"{MODEL}:predict", {"inputs": inputs}), "outputs")
        assert [labels[int(np.argmax(one))] for one in outputs] == ["daisy", "tulips"]


def test_a_format_in_the_parameters_overrides_the_keys(url: str, daisy: bytes) -> None:
    document = {"instances": [{"b64": b64(daisy)}], "parameters": {"format": "confidences"}}
    [prediction] = found(post(url, f"{MODEL}:predict", document))
    assert isinstance(prediction, dict)
    assert prediction["displayNames"][0] == "daisy"


@pytest.mark.parametrize("path", PATHS)
def test_classify_answers_pairs_of_label_and_score(url: str, daisy: bytes, labels: list[str], path: str) -> None:
    # the feature's name and the caption are those of TensorFlow Serving's page on its REST API
    for example in ({"image": {"b64": b64(daisy)}}, {"image_bytes": {"b64": b64(daisy)}, "caption": "seaside"}):
        answer = post(url, f"{path}:classify", {"signature_name": "default", "examples": [example]}).json()
        [pairs] = answer["result"]
        assert pairs[0][0] == "daisy"
        assert sorted(label for label, _ in pairs) == sorted(labels)
        assert answer["results"] == answer["result"]


@pytest.mark.parametrize("verb", ["predict", "classify"])
def test_what_is_not_served_is_not_found(url: str, verb: str) -> None:
    for path in ("/v1/models/trees", f"{MODEL}/versions/2", f"{MODEL}/labels/canary"):
        answer = post(url, f"{path}:{verb}", {"instances": []})
        assert answer.status_code == 404
        assert isinstance(answer.json()["error"], str)
    assert post(url, f"{MODEL}:regress", {}).status_code == 404


@pytest.mark.parametrize(
    ("document", "about"),
    [
        ({}, "instances"),
        ({"instances": [], "inputs": []}, "instances"),
        ({"instances": {}}, "list"),
        ({"instances": []}, "no image"),
        ({"instances": [1.0, 2.0, 5.0]}, "expected"),
        ({"instances": ["x"]}, "expected"),
        ({"instances": [{}]}, "expected"),
        ({"instances": [{"tag": "foo"}]}, "expected"),
        ({"instances": [{"a": {"b64": "eA=="}, "b": {"b64": "eA=="}}]}, "expected"),
        ({"instances": [{"b64": "!"}]}, "base64"),
        ({"instances": [[[1, 2]]]}, "shape"),
        ({"instances": [[["a"]]]}, "numbers"),
        ({"instances": [{"b64": "eA=="}, {"content": "eA=="}]}, "kind"),
        ({"instances": [{"b64": "eA=="}], "parameters": {"format": "x"}}, "format"),
        ({"instances": [{"b64": "eA=="}], "parameters": [1]}, "parameters"),
        ({"instances": [{"content": "eA=="}], "parameters": {"confidenceThreshold": 2}}, "confidenceThreshold"),
        ({"instances": [{"content": "eA=="}], "parameters": {"maxPredictions": 0}}, "maxPredictions"),
        ({"inputs": {"image": [{"b64": "eA=="}], "key": []}}, "length"),
        ({"inputs": {}}, "length"),
    ],
)
def test_a_malformed_request_is_told_what_is_wrong(url: str, document: dict[str, object], about: str) -> None:
    answer = post(url, f"{MODEL}:predict", document)
    assert answer.status_code == 400, answer.text
    assert about in answer.json()["error"]


@pytest.mark.parametrize("examples", [None, [], {}, [7], [{}], [{"image": "x"}]])
def test_examples_without_an_image_are_refused(url: str, examples: object) -> None:
    assert post(url, f"{MODEL}:classify", {"examples": examples}).status_code == 400
