"""Tests of every protocol's answers from the service in memory: about a picture, the models, and an error."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from shared.http.protocols.bigquery_remote_function import MAX_ERROR_CHARACTERS, error_message
from shared.http.protocols.v2_binary import HEADER
from shared.http.protocols.vertex import google_error
from shared.inference.classifier import Classifier
from tests.http.conftest import MakeClient, b64
from tests.memory.service import MemoryService, https_function
from tests.worlds import World

FLOWERS = "/v1/models/flowers"
INFER = "/v2/models/flowers/infer"
VERTEX = "/v1/projects/p/locations/l/endpoints/1"
TEXTS = (INFER, f"{FLOWERS}:predict", "/v2/repository/index")
"""Paths whose errors are a text."""


@pytest.fixture
def client(memory_client: MakeClient) -> FlaskClient:
    return memory_client()


@pytest.fixture
def scores(classifier: Classifier, daisy: bytes, client: FlaskClient) -> list[float]:
    """The model's scores of the daisy, in the order of its labels; the own protocol is held to it below."""
    answer = client.post("/v1/classify?record=false", data=daisy).get_json()
    by_label = {candidate["label"]: candidate["score"] for candidate in answer["candidates"]}
    return [by_label[label] for label in classifier.bundle.manifest.labels]


def test_classify_answers_with_every_fact_of_the_prediction(
    client: FlaskClient, world_facts: dict[str, Any], daisy: bytes
) -> None:
    answer = client.post("/v1/classify", data=daisy, headers={"Content-Disposition": 'a; filename="a daisy.jpg"'})
    document = answer.get_json()
    assert answer.status_code == 200
    assert list(document)[:5] == ["label", "score", "needs_review", "is_unfamiliar", "candidates"]
    assert (document["label"], document["recorded"], document["model"]) == ("daisy", True, world_facts)
    assert (
        document["score"]
        == document["candidates"][0]["score"]
        == max(candidate["score"] for candidate in document["candidates"])
    )
    assert document["image"]["name"] == "a daisy.jpg"
    assert document["image"]["size_bytes"] == len(daisy)
    assert None not in document["image"].values()
    assert {"decode_ms", "classify_ms"} <= set(document["times"])
    assert "label_token" not in document
    assert document["is_unfamiliar"] is None, "the bundle has no profile"
    assert {"entropy", "brightness", "aspect"} < set(document["signals"])
    assert {"embedding", "novelty"}.isdisjoint(document["signals"])


@pytest.fixture
def world_facts(classifier: Classifier) -> dict[str, Any]:
    facts = classifier.bundle.facts
    return {"name": facts.name, "version": facts.version, "digest": facts.digest, "runtime": facts.runtime}


def test_form_is_answered_in_order_with_each_error_in_its_position(client: FlaskClient, daisy: bytes) -> None:
    files = [(BytesIO(daisy), "one.jpg"), (BytesIO(b"bread"), "two.jpg"), (BytesIO(daisy), "")]
    answer = client.post("/v1/classify?record=false", data={"image": files[:2]})
    first, second = answer.get_json()["predictions"]
    assert answer.status_code == 200
    assert (first["label"], first["image"]["name"]) == ("daisy", "one.jpg")
    assert (second["error"]["reason"], second["image"]) == ("not_an_image", {"name": "two.jpg"})
    alone = client.post("/v1/classify?record=false", data={"image": [(BytesIO(b"bread"), "two.jpg")]})
    assert alone.status_code == 415


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"data": b""}, 400, "0 bytes"),
        ({"json": {}}, 400, 'without a "uri"'),
        ({"json": {"uri": 1}}, 400, 'without a "uri"'),
        ({"json": {"uri": "gs://elsewhere/a.jpg"}}, 403, "is not readable"),
        ({"data": {"note": "text"}, "content_type": "multipart/form-data"}, 400, "only texts ('note')"),
        ({"data": {}, "content_type": "multipart/form-data"}, 400, "no file; send each"),
        ({"data": b"x", "content_type": "multipart/related"}, 415, "expected a form of files"),
        ({"data": b"bread"}, 415, ""),
    ],
)
def test_classify_refuses_a_file_that_is_not_an_image_with_a_reason(
    client: FlaskClient, body: dict[str, Any], status: int, message: str
) -> None:
    answer = client.post("/v1/classify?record=false", **body)
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"]) == (status, status)
    assert message in error["message"]


def test_classify_recognises_a_file_that_curl_stripped_of_line_breaks(client: FlaskClient) -> None:
    form = {"content_type": "application/x-www-form-urlencoded"}
    message = [
        client.post("/v1/classify", data=content, **kind).get_json()["error"]["message"]
        for content, kind in ((b"bread", form), (b"bre\nad", form), (b"bre\rad", form), (b"bread", {}))
    ]
    assert ["curl --data-binary" in text for text in message] == [True, False, False, False]


@pytest.mark.parametrize("path", [FLOWERS, f"{FLOWERS}/versions/1", f"{FLOWERS}/labels/stable"])
def test_v1_predict_answers_by_the_kind_of_instance(
    client: FlaskClient, path: str, daisy: bytes, scores: list[float], labels: list[str]
) -> None:
    def predict(**document: Any) -> Any:
        answer = client.post(f"{path}:predict?record=false", json=document)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_json()

    near = pytest.approx(scores, abs=1e-6)
    assert predict(instances=[{"b64": b64(daisy)}]) == {"predictions": [near]}
    assert predict(inputs=[{"b64": b64(daisy)}]) == {"outputs": [near]}
    [kserve] = predict(instances=[{"image_bytes": {"b64": b64(daisy)}, "key": "7"}])["predictions"]
    assert kserve == {"scores": near, "prediction": labels.index("daisy"), "key": "7"}
    columns = predict(inputs=[{"image_bytes": {"b64": b64(daisy)}}])["outputs"]
    assert columns == {"scores": [near], "prediction": [labels.index("daisy")]}
    [vertex] = predict(instances=[{"content": b64(daisy)}], parameters={"maxPredictions": 2})["predictions"]
    assert vertex["displayNames"][0] == "daisy"
    assert vertex["ids"] == [str(labels.index(name)) for name in vertex["displayNames"]]
    assert len(vertex["confidences"]) == 2
    classified = client.post(f"{path}:classify?record=false", json={"examples": [{"image": {"b64": b64(daisy)}}]})
    [pairs] = classified.get_json()["result"]
    assert classified.get_json()["results"] == [pairs]
    assert (pairs[0][0], len(pairs)) == ("daisy", len(labels))
    assert [pair[1] for pair in pairs] == sorted((pair[1] for pair in pairs), reverse=True)


@pytest.mark.parametrize("examples", [None, {}, [1], "a"])
def test_v1_examples_must_be_a_list_of_objects(client: FlaskClient, examples: Any) -> None:
    answer = client.post(f"{FLOWERS}:classify", json={"examples": examples})
    assert (answer.status_code, "no list of examples" in answer.get_json()["error"]) == (400, True)


def test_model_status_is_in_each_protocols_words(client: FlaskClient, labels: list[str]) -> None:
    def get(path: str) -> Any:
        answer = client.get(path)
        assert answer.status_code == 200, path
        return answer.get_json()

    assert get("/") == {"status": "alive"}
    assert get("/v1/models") == get("/v2/models") == {"models": ["flowers"]}
    fine = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    for path in (FLOWERS, f"{FLOWERS}/versions/1", f"{FLOWERS}/labels/stable"):
        assert get(path) == {"name": "flowers", "ready": True, "model_version_status": [fine]}
        described = get(f"{path}/metadata")
        assert described["model_spec"] == {"name": "flowers", "signature_name": "", "version": "1"}
        signature = described["metadata"]["signature_def"]["signature_def"]["serving_default"]
        sizes = [[dimension["size"] for dimension in signature[way][name]["tensor_shape"]["dim"]] for way, name in WAYS]
        assert (sizes, described["labels"]) == ([["-1"], ["-1", str(len(labels))]], labels)
    for path in ("/v2/models/flowers", "/v2/models/flowers/versions/1"):
        metadata = get(path)
        assert (metadata["name"], metadata["version"], metadata["versions"]) == ("flowers", "1", ["1"])
        assert (metadata["labels"], metadata["platform"]) == (labels, "bucketlens_litert")
        assert {output["name"]: output["shape"] for output in metadata["outputs"]} == {
            "probabilities": [-1, len(labels)],
            **{name: [-1] for name in ("label", "score", "needs_review", "prediction_id")},
        }
        assert get(f"{path}/ready") == {"name": "flowers", "ready": True}
    assert get("/v2/health/live") == {"live": True}
    assert get("/v2/health/ready") == {"ready": True, "live": True}
    assert get("/v2")["extensions"] == ["classification", "binary_tensor_data", "model_repository"]


WAYS = (("inputs", "b64"), ("outputs", "probabilities"))


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/models/trees", f"{FLOWERS}/versions/9", f"{FLOWERS}/labels/newest", "/v2/models/trees"),
        *("/v2/models/flowers/versions/9", "/v2/models/trees/ready", "/v2/models/stats", f"{FLOWERS}/labels/canary"),
    ],
)
def test_v1_model_or_version_that_is_not_served_is_404_with_a_message(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert set(answer.get_json()) == {"error"}
    assert isinstance(answer.get_json()["error"], str)
    if path.endswith("stats"):
        assert "/metrics" in answer.get_json()["error"]


def test_v2_answers_each_output_and_classes_in_tritons_form(
    client: FlaskClient, daisy: bytes, scores: list[float], labels: list[str]
) -> None:
    tensor = {"name": "image", "datatype": "BYTES", "shape": [2], "data": [b64(daisy)] * 2}
    answer = client.post(f"{INFER}?record=false", json={"id": "42", "inputs": [tensor]}).get_json()
    outputs = {output["name"]: output for output in answer["outputs"]}
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("flowers", "1", "42")
    assert outputs["probabilities"]["shape"] == [2, len(labels)]
    assert outputs["probabilities"]["data"] == pytest.approx(scores * 2, abs=1e-6)
    assert outputs["label"]["data"] == ["daisy"] * 2
    assert answer["parameters"] == {}
    request = {"inputs": [tensor | {"shape": [1], "data": [b64(daisy)]}], "parameters": {"classification": 1}}
    answer = client.post(f"{INFER}?record=false", json=request | {"outputs": [{"name": "probabilities"}]}).get_json()
    assert answer["outputs"][0]["data"] == [f"{max(scores):f}:{labels.index('daisy')}:daisy"]
    assert len(answer["id"]) == 36
    assert len(answer["parameters"]["prediction_id"]) == 64


def test_v2_tensors_are_read_and_written_in_binary(client: FlaskClient, daisy: bytes, scores: list[float]) -> None:
    binary = len(daisy).to_bytes(4, "little") + daisy
    size = {"binary_data_size": len(binary)}
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "parameters": size}
    request = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
    json = client.application.json.dumps(request).encode()
    headers = {HEADER: str(len(json)), "Content-Type": "application/octet-stream"}
    answer = client.post(f"{INFER}?record=false", data=json + binary, headers=headers)
    length = int(answer.headers[HEADER])
    head = client.application.json.loads(answer.data[:length])
    sizes = [output["parameters"]["binary_data_size"] for output in head["outputs"]]
    assert not any("data" in output or "binary" in output for output in head["outputs"])
    assert sum(sizes) == len(answer.data) - length
    assert np.frombuffer(answer.data[length : length + sizes[0]], "<f4").tolist() == pytest.approx(scores, abs=1e-6)
    for wrong in ("-1", "1.0", "x", "", "9" * 12, str(len(json + binary) + 1)):
        refused = client.post(INFER, data=json + binary, headers={**headers, HEADER: wrong})
        assert (refused.status_code, HEADER in refused.get_json()["error"]) == (400, True)


def test_vertex_answer_names_its_model(client: FlaskClient, classifier: Classifier, daisy: bytes) -> None:
    answer = client.post(f"{VERTEX}:predict?record=false", json={"instances": [{"content": b64(daisy)}]}).get_json()
    digest = classifier.bundle.digest
    assert answer["deployedModelId"] == str(int(digest[:12], 16))
    assert answer["model"] == "projects/p/locations/l/models/flowers"
    assert (answer["modelDisplayName"], answer["modelVersionId"]) == ("flowers", "1")
    assert answer["predictions"][0]["displayNames"][0] == "daisy"


@pytest.mark.parametrize(
    ("code", "word"),
    [
        *((400, "INVALID_ARGUMENT"), (401, "UNAUTHENTICATED"), (403, "PERMISSION_DENIED"), (404, "NOT_FOUND")),
        *((408, "DEADLINE_EXCEEDED"), (413, "INVALID_ARGUMENT"), (429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL")),
        (503, "UNAVAILABLE"),
    ],
)
def test_vertex_error_has_googles_word_for_its_status(code: int, word: str) -> None:
    refusal = {"code": code, "reason": "r", "message": "m"}
    assert google_error(refusal) == {"error": {"code": code, "message": "m", "status": word}}


def test_bigquery_answers_with_a_reply_for_each_row(client: FlaskClient, daisy: bytes, labels: list[str]) -> None:
    calls = [[b64(daisy)], [None], ["!"], ["gs://elsewhere/a.jpg"]]
    answer = client.post("/v1/bigquery:call", json={"calls": calls, "userDefinedContext": {"k": "2"}})
    first, second, third, fourth = answer.get_json()["replies"]
    assert (first["label"], first["model"], len(first["candidates"])) == (
        "daisy",
        {"name": "flowers", "version": "1"},
        2,
    )
    assert second is None
    assert third["reason"] == "bad_request"
    assert set(fourth) == {"error", "reason"}
    again = client.post("/v1/bigquery:call", json={"calls": calls[:1]}).get_json()["replies"][0]
    assert again["prediction_id"] == first["prediction_id"]
    assert len(again["candidates"]) == len(labels)
    assert client.post("/v1/bigquery:call", json={"calls": [[None]]}).get_json() == {"replies": [None]}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "no list of calls"),
        ({"calls": {}}, "no list of calls"),
        ({"calls": ["a"]}, "expected one: a STRING"),
        ({"calls": [[]]}, "expected one: a STRING"),
        ({"calls": [["a", "b"]]}, "expected one: a STRING"),
        ({"calls": [[1]]}, "expected one: a STRING"),
        ({"calls": [], "userDefinedContext": {"k": 0}}, "k is '0'"),
        ({"calls": [], "userDefinedContext": {"k": "-1"}}, "k is '-1'"),
        ({"calls": [], "userDefinedContext": {"k": "1" * 9}}, "k is '111111111'"),
        ({"calls": [], "userDefinedContext": {"record": "maybe"}}, "maybe"),
        ({"calls": [], "userDefinedContext": {"model": "trees"}}, "not served"),
        ({"calls": [], "userDefinedContext": []}, "userDefinedContext is a list"),
    ],
)
def test_bigquery_call_that_is_invalid_fails_with_a_message(
    client: FlaskClient, document: dict[str, Any], message: str
) -> None:
    answer = client.post("/v1/bigquery:call", json=document)
    assert answer.status_code in (400, 404)
    assert message in answer.get_json()["errorMessage"]


def test_bigquery_message_is_cut() -> None:
    message = "m" * (MAX_ERROR_CHARACTERS + 1)
    assert error_message({"message": message}) == {"errorMessage": message[:-1]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [{"name": "flowers", "version": "1", "state": "READY"}]),
        ({"json": {"ready": True}}, [{"name": "flowers", "version": "1", "state": "READY"}]),
        ({"json": {"ready": 1}}, [{"name": "flowers", "version": "1", "state": "READY"}]),
    ],
)
def test_v2_repository_lists_the_served_models(client: FlaskClient, body: dict[str, Any], expected: Any) -> None:
    assert client.post("/v2/repository/index", **body).get_json() == expected


def test_service_that_is_not_ready_answers_so_in_each_protocol(memory_world: World) -> None:
    class NotReady(MemoryService):
        is_ready = False

    client = https_function(NotReady(memory_world.pipeline)).test_client()
    for path in ("/v2/health/ready", "/v2/models/flowers/ready", FLOWERS):
        answer = client.get(path)
        assert (answer.status_code, answer.get_json()["ready"]) == (503, False)
    assert client.get(FLOWERS).get_json()["model_version_status"][0]["state"] == "LOADING"
    assert client.post("/v2/repository/index", json={"ready": True}).get_json() == []
    [loading] = client.post("/v2/repository/index").get_json()
    assert (loading["state"], loading["reason"]) == ("UNAVAILABLE", "loading")
    assert client.get("/v2/health/live").status_code == 200


@pytest.mark.parametrize("what", ["load", "unload"])
def test_v2_repository_loads_only_where_allowed_and_never_unloads(
    memory_client: MakeClient, client: FlaskClient, what: str
) -> None:
    path = f"/v2/repository/models/flowers/{what}"
    assert client.post(path).status_code == 403
    assert "MODEL_LOAD" in client.post(path).get_json()["error"]
    allowed = memory_client(MODEL_LOAD="true")
    assert allowed.post(path.replace("flowers", "trees")).status_code == 404
    if what == "unload":
        assert (allowed.post(path).status_code, "unloads no model" in allowed.post(path).get_json()["error"]) == (
            400,
            True,
        )
    else:
        refused = allowed.post(path, json={"parameters": {"a": 1}})
        assert (refused.status_code, "expected none" in refused.get_json()["error"]) == (400, True)


@pytest.mark.parametrize("path", TEXTS)
def test_errors_have_the_shape_of_the_paths_protocol(client: FlaskClient, path: str) -> None:
    answer = client.post(path, data=b"{", content_type="application/json")
    assert answer.status_code == 400
    assert isinstance(answer.get_json()["error"], str)
    assert isinstance(client.get("/v2/nothing").get_json()["error"], str)
    assert client.get("/v1/nothing").get_json()["error"]["code"] == 404
    assert client.get(INFER).status_code == 405
    assert client.get(INFER).headers["Allow"] == "POST"


def test_metrics_count_requests_images_and_labels(client: FlaskClient, daisy: bytes) -> None:
    client.post("/v1/classify?record=false", data=daisy)
    client.post("/v1/classify?record=false", data=b"bread")
    client.get("/v1/nothing")
    text = client.get("/metrics").get_data(as_text=True)
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    counted = {name: float(value) for name, value in lines.items() if name.startswith("bucketlens_")}
    assert counted['bucketlens_requests_total{method="POST",route="/v1/classify",status="200"}'] == 1
    assert counted['bucketlens_requests_total{method="POST",route="/v1/classify",status="415"}'] == 1
    assert counted['bucketlens_requests_total{method="GET",route="none",status="404"}'] == 1
    assert counted['bucketlens_images_total{dialect="Bucketlens",outcome="predicted"}'] == 1
    assert counted['bucketlens_images_total{dialect="Bucketlens",outcome="not_an_image"}'] == 1
    assert counted['bucketlens_labels_total{label="daisy"}'] == 1
    assert counted["bucketlens_requests_in_flight"] == 1
    assert counted['bucketlens_request_seconds_count{route="/v1/classify"}'] == 2
    assert counted['bucketlens_request_seconds_bucket{le="+Inf",route="/v1/classify"}'] == 2
    assert counted['bucketlens_step_seconds_count{step="classify"}'] == 1


def test_openapi_document_describes_inputs_and_errors_of_every_route(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").get_json()["paths"]
    infer = paths["/v2/models/{model}/infer"]["post"]
    named = {(parameter["in"], parameter["name"]) for parameter in infer["parameters"]}
    assert named == {("path", "model"), ("query", "record"), ("header", "Idempotency-Key"), ("header", HEADER)}
    assert [
        parameter["schema"].get("examples") for parameter in infer["parameters"] if parameter["name"] == "model"
    ] == [["flowers"]]
    assert infer["operationId"] == "post_v2_models_model_infer"
    assert infer["requestBody"]["required"] is True
    assert set(infer["requestBody"]["content"]) == {"application/json", "application/octet-stream"}
    assert set(infer["responses"]) == set(map(str, (200, 400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503)))
    explain = paths["/v1/models/{model}:explain"]["post"]
    assert "record" not in {parameter["name"] for parameter in explain["parameters"]}
    assert set(explain["responses"]["200"]["content"]) == {"application/json", "image/png"}
    live = paths["/v2/health/live"]["get"]
    assert set(live) == {"tags", "operationId", "summary", "responses"}
    assert set(live["responses"]) == {"200", "403", "429", "500"}


def label_of(client: FlaskClient, **body: Any) -> Any:
    return client.post(f"/v1/predictions/{'a' * 64}:label", **body)


@pytest.fixture
def appended(memory_world: World, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    rows: list[Any] = []
    monkeypatch.setattr(memory_world.warehouse, "append", rows.append)
    return rows


def test_feedback_appends_a_label_once_for_each_key(client: FlaskClient, appended: list[Any]) -> None:
    body = {"json": {"label": "roses", "note": "It is one."}, "headers": {"Idempotency-Key": "k"}}
    answers = [label_of(client, **body).get_json() for _ in range(2)]
    assert answers[0]["label_id"] == answers[1]["label_id"]
    assert (answers[0]["label"], answers[0]["is_new_label"], answers[0]["labelled_by"]) == ("roses", False, None)
    assert {(row.label_id, row.label, row.note) for row in appended} == {
        (answers[0]["label_id"], "roses", "It is one.")
    }
    without = [label_of(client, json={"label": "a cat"}).get_json() for _ in range(2)]
    assert without[0]["label_id"] != without[1]["label_id"]
    assert without[0]["is_new_label"] is True
    assert label_of(client, json={"label": "none_of_these"}).get_json()["is_new_label"] is False


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"json": {}}, 400, "expected a text of 1 to 100"),
        ({"json": {"label": ""}}, 400, "expected a text of 1 to 100"),
        ({"json": {"label": "a\nb"}}, 400, "printable"),
        ({"json": {"label": "x" * 101}}, 400, "expected a text of 1 to 100"),
        ({"json": {"label": "Roses"}}, 400, "expected 'roses'"),
        ({"json": {"label": " roses"}}, 400, "expected 'roses'"),
        ({"json": {"label": "none of these"}}, 400, "expected 'none_of_these'"),
        ({"json": {"label": " cat"}}, 400, "no spaces around"),
        ({"json": {"label": "cat", "note": 1}}, 400, "The note is invalid"),
        ({"json": {"label": "cat", "note": "x" * 2001}}, 400, "at most 2,000"),
        ({"data": b'{"label": "cat"}'}, 415, "expected application/json"),
    ],
)
def test_feedback_refuses_an_invalid_label_and_appends_nothing(
    client: FlaskClient, appended: list[Any], body: dict[str, Any], status: int, message: str
) -> None:
    answer = label_of(client, **body)
    assert (answer.status_code, message in answer.get_json()["error"]["message"]) == (status, True)
    assert appended == []


@pytest.mark.parametrize("id", ["A" * 64, "a" * 63, "a" * 65, "g" * 64])
def test_feedback_for_an_unknown_prediction_is_404(client: FlaskClient, id: str) -> None:
    assert client.post(f"/v1/predictions/{id}:label", json={"label": "cat"}).status_code == 404


def test_feedback_without_caller_names_needs_the_predictions_token(
    memory_client: MakeClient, appended: list[Any], daisy: bytes
) -> None:
    client = memory_client(LABEL_KEYS="k" * 32)
    document = client.post("/v1/classify", data=daisy).get_json()
    path = f"/v1/predictions/{document['prediction_id']}:label"
    assert client.post(path, json={"label": "roses"}).get_json()["error"]["reason"] == "label_token"
    assert client.post(path, json={"label": "roses", "label_token": "0" * 32}).status_code == 403
    assert client.post(path, json={"label": "roses", "label_token": document["label_token"]}).status_code == 200
    assert "label_token" not in client.post("/v1/classify?record=false", data=daisy).get_json()


def test_feedback_on_cloud_run_needs_a_name_or_a_token(memory_world: World, appended: list[Any]) -> None:
    service = MemoryService(memory_world.pipeline)
    service.platform = replace(service.platform, is_cloud=True)
    answer = label_of(https_function(service).test_client(), json={"label": "roses"})
    assert (answer.status_code, answer.get_json()["error"]["reason"]) == (403, "labels_not_taken")


def test_uri_in_a_readable_bucket_is_classified(
    memory_client: MakeClient, memory_world: World, daisy: bytes, tmp_path: Path
) -> None:
    memory_world.put("a/daisy.jpg", daisy, tmp_path)
    client = memory_client(READABLE_BUCKETS=memory_world.uploads)
    uri = f"gs://{memory_world.uploads}/a/daisy.jpg"
    document = client.post("/v1/classify?record=false", json={"uri": uri}).get_json()
    assert (document["label"], document["image"]["bucket"], document["image"]["name"]) == (
        "daisy",
        memory_world.uploads,
        "a/daisy.jpg",
    )
    missing = client.post("/v1/classify?record=false", json={"uri": f"{uri}.gone"})
    assert (missing.status_code, missing.get_json()["error"]["reason"]) == (404, "not_found")
    again = client.post("/v1/classify?record=false", json={"uri": uri}).get_json()
    assert again["prediction_id"] == document["prediction_id"]
