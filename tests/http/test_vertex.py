"""Vertex AI: the payloads of its REST reference, and the routes of a custom container."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import functions_framework
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from tests.functions.paths import CLASSIFY_REQUEST
from tests.http.conftest import b64
from tests.worlds import World

ENDPOINT = "/v1/projects/my-project/locations/europe-west4/endpoints/1234567890"


def post(url: str, document: Any) -> requests.Response:
    return requests.post(f"{url}{ENDPOINT}:predict", json=document, params={"record": "false"}, timeout=30)


def test_image_classification_gets_ids_names_and_confidences(url: str, daisy: bytes, tulips: bytes) -> None:
    # as the request body of Vertex AI's page on predictions from image classification models
    document = {
        "instances": [{"content": b64(daisy)}, {"content": b64(tulips)}],
        "parameters": {"confidenceThreshold": 0.5, "maxPredictions": 5},
    }
    answer = post(url, document).json()
    first, second = answer["predictions"]
    assert (first["ids"], first["displayNames"]) == (["0"], ["daisy"])
    assert second["displayNames"] == ["tulips"]
    assert first["confidences"] == [pytest.approx(0.9, abs=0.1)]
    assert answer["deployedModelId"].isdigit()
    assert answer["model"] == "projects/my-project/locations/europe-west4/models/flowers"
    assert (answer["modelDisplayName"], answer["modelVersionId"]) == ("flowers", "1")


@pytest.mark.parametrize(("most", "expected"), [(1, 1), (3, 3), (10, 5)])
def test_no_more_predictions_than_asked_for(url: str, daisy: bytes, most: int, expected: int) -> None:
    document = {"instances": [{"content": b64(daisy)}], "parameters": {"maxPredictions": most}}
    [prediction] = post(url, document).json()["predictions"]
    assert {len(values) for values in prediction.values()} == {expected}
    assert prediction["confidences"] == sorted(prediction["confidences"], reverse=True)


def test_a_custom_models_instances_are_answered_as_tensorflow_serving_would(url: str, daisy: bytes) -> None:
    [scores] = post(url, {"instances": [{"b64": b64(daisy)}]}).json()["predictions"]
    assert max(scores) == scores[0]


@pytest.mark.parametrize(
    ("instance", "code", "status"),
    [
        ({"content": "!"}, 400, "INVALID_ARGUMENT"),
        ({"content": b64(b"a list")}, 415, "INVALID_ARGUMENT"),
        ({"gcsUri": "gs://somebody-elses/daisy.jpg"}, 403, "PERMISSION_DENIED"),
        ({"gcsUri": "gs://bucketlens-archive/nothing.jpg"}, 404, "NOT_FOUND"),
        ({"gcsUri": "http://x/y"}, 400, "INVALID_ARGUMENT"),
    ],
)
def test_errors_are_googles(url: str, instance: object, code: int, status: str) -> None:
    answer = post(url, {"instances": [instance]})
    assert answer.status_code == code
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "status"}
    assert (error["code"], error["status"]) == (code, status)


@pytest.fixture
def container(world: World, with_environment: Callable[[dict[str, str]], None]) -> FlaskClient:
    """The function as Vertex AI starts it."""
    routes = {"AIP_PREDICT_ROUTE": "/v1/endpoints/7/deployedModels/9:predict", "AIP_HEALTH_ROUTE": "/healthy"}
    with_environment(world.environment | routes)
    app: Flask = functions_framework.create_app("classify_request", str(CLASSIFY_REQUEST), "http")
    return app.test_client()


def test_a_custom_container_answers_on_the_routes_that_vertex_ai_sets(container: FlaskClient, daisy: bytes) -> None:
    document = {"instances": [{"content": b64(daisy)}], "parameters": {"maxPredictions": 1}}
    answer = container.post("/v1/endpoints/7/deployedModels/9:predict?record=false", json=document)
    assert set(answer.get_json()) == {"predictions"}
    assert answer.get_json()["predictions"][0]["displayNames"] == ["daisy"]
    assert container.get("/healthy").get_json() == {"ready": True, "live": True}
    assert container.get("/v1/endpoints/7/deployedModels/9:predict").headers["Allow"] == "POST"
    assert "/healthy" in container.get("/openapi.json").get_json()["paths"]
