"""Details that the protocols specify: defaults, exact limits, and a code for each status."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest

from shared import errors
from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.http.protocols import bigquery_remote_function
from shared.http.protocols.v1_instances import CONFIDENCES, Choice, choice_from, format_prediction
from shared.http.protocols.vertex import google_error
from shared.inference.classifier import Classifier
from shared.inference.registry import ModelRegistry
from shared.pipeline.pipeline import Pipeline
from shared.types import Candidate, Classification
from shared.wiring import load_model
from tests.http.conftest import b64
from tests.memory.service import MemoryService, https_function
from tests.pipeline.parts import failing
from tests.worlds import World

GOOGLES_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
LABELS = tuple(f"label {index}" for index in range(12))
CANDIDATES = tuple(Candidate(label, 0.5 / (index + 1)) for index, label in enumerate(LABELS))


class Classified:
    """A prediction of twelve labels."""

    classification = Classification(LABELS[0], 0.5, CANDIDATES, needs_review=False)


def confidences(choice: Choice) -> list[float]:
    prediction = format_prediction(Classified(), CONFIDENCES, LABELS, None, choice)
    return list(prediction["confidences"])


@pytest.mark.parametrize("status", GOOGLES_WORDS)
def test_vertex_error_has_googles_code_for_every_status(status: int) -> None:
    error = google_error({"code": status, "reason": "x", "message": HTTPStatus(status).phrase})["error"]
    assert error == {"code": status, "message": HTTPStatus(status).phrase, "status": GOOGLES_WORDS[status]}


def test_vertex_returns_ten_labels_of_any_confidence_by_default() -> None:
    assert choice_from({}) == Choice(threshold=0.0, most=10)
    assert confidences(Choice()) == [candidate.score for candidate in CANDIDATES[:10]]


@pytest.mark.parametrize(("threshold", "shown"), [(0.2499, 2), (0.25, 2), (0.2501, 1), (0.5, 1), (0.51, 0)])
def test_vertex_returns_a_confidence_at_the_threshold(threshold: float, shown: int) -> None:
    assert len(confidences(Choice(threshold))) == shown


@pytest.mark.parametrize(("most", "shown"), [(1, 1), (11, 11), (12, 12), (13, 12)])
def test_vertex_returns_at_most_the_requested_number_of_labels(most: int, shown: int) -> None:
    assert len(confidences(Choice(most=most))) == shown


class BuiltLater(MemoryService):
    """A service that is ready once a request needed its pipeline, as a process is that has just started."""

    is_built = False

    @property
    def is_ready(self) -> bool:
        return self.is_built

    def pipeline(self) -> Pipeline:
        self.is_built = True
        return super().pipeline()


@pytest.mark.parametrize(
    "path",
    [
        "/v2/health/ready",
        "/v2/models/flowers/ready",
        "/v2/models/flowers/versions/1/ready",
        "/v1/models/flowers",
        "/v1/models/flowers/versions/1",
        "/v1/models/flowers/labels/stable",
    ],
)
def test_model_is_not_ready_in_any_protocol_before_it_ran(memory_world: World, path: str) -> None:
    """KServe and Kubernetes send traffic by it."""
    client = https_function(BuiltLater(memory_world.pipeline)).test_client()
    early = client.get(path)
    assert early.status_code == 503
    assert early.get_json()["ready"] is False
    assert {state["state"] for state in early.get_json().get("model_version_status", [])} <= {"LOADING"}
    client.post("/v1/classify?record=false", data=b"x")  # builds the pipeline
    late = client.get(path)
    assert (late.status_code, late.get_json()["ready"]) == (200, True)
    assert {state["state"] for state in late.get_json().get("model_version_status", [])} <= {"AVAILABLE"}


def test_model_index_lists_which_models_are_ready(memory_world: World) -> None:
    client = https_function(BuiltLater(memory_world.pipeline)).test_client()
    [early] = client.post("/v2/repository/index").get_json()
    assert (early["state"], early["reason"]) == ("UNAVAILABLE", "loading")
    [late] = client.post("/v2/repository/index", json={"ready": True}).get_json()  # a body waits for the pipeline
    assert late == {"name": "flowers", "version": "1", "state": "READY"}


def test_feedback_knows_the_labels_of_every_served_model(memory_world: World) -> None:
    other = load_bundle(MODELS / "chest_xray_v1")
    both = [memory_world.pipeline.models.get_model(), Classifier(other, load_model(other, threads=1))]
    service = MemoryService(replace(memory_world.pipeline, models=ModelRegistry.of(both)))
    client = https_function(service).test_client()
    for label in (both[0].bundle.manifest.labels[0], other.manifest.labels[0]):
        answer = client.post(f"/v1/predictions/{'ab' * 32}:label", json={"label": label})
        assert answer.get_json()["is_new_label"] is False, label


def errors_of(kind: type[errors.BucketlensError]) -> Iterator[errors.BucketlensError]:
    """Return an error of each class below a class."""
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield errors.OverRate(1, 1) if child is errors.OverRate else child("It is so.")
            yield from errors_of(child)


def test_bigquery_call_fails_only_for_transient_errors() -> None:
    """A permanent error of one object is its row's value; the other rows have their predictions."""
    passing = {"Busy", "KeysUnavailable", "OverRate", "StorageUnavailable", "WarehouseUnavailable"}
    of_the_caller = [errors.BadRequest("It is so."), errors.AlreadyDone(), errors.Superseded()]
    kinds = [*errors_of(errors.Permanent), *errors_of(errors.Transient), *of_the_caller]
    failed = set()
    for error in kinds:
        try:
            reply = bigquery_remote_function._reply(error, 1)
        except errors.Transient:
            failed.add(type(error).__name__)
        else:
            assert set(reply) == {"error", "reason"}
            assert reply["error"].endswith(".")
    assert failed == passing


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("find", errors.StorageUnavailable("It does not answer.")),
        ("read", errors.StorageUnavailable("It does not answer.")),
        ("write_once", errors.StorageUnavailable("It does not answer.")),
        ("append", errors.WarehouseUnavailable("It does not answer.")),
    ],
)
def test_bigquery_transient_error_fails_the_call_and_is_not_a_value(
    memory_world: World, daisy: bytes, tmp_path: Path, step: str, error: errors.Transient
) -> None:
    """Answer per row only for good: a value stays in the user's table; a call that fails is made again by BigQuery."""
    memory_world.put("x.jpg", daisy, tmp_path)
    pipeline, _ = failing(memory_world, step, before=error)
    client = https_function(MemoryService(pipeline, READABLE_BUCKETS=memory_world.uploads)).test_client()
    calls = [[b64(b"a list")], [f"gs://{memory_world.uploads}/x.jpg"]]
    answer = client.post("/v1/bigquery:call", json={"calls": calls, "userDefinedContext": {"record": "true"}})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert set(answer.get_json()) == {"errorMessage"}
