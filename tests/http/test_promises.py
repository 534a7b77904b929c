"""What the protocols promise in small print: defaults, limits that are met exactly, and words for each status."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

import pytest

from shared import errors
from shared.http.protocols import bigquery_remote_function
from shared.http.protocols.v1_instances import CONFIDENCES, Choice, choice_from, shown
from shared.http.protocols.vertex import google_error
from shared.service import Service
from shared.types import Candidate, Classification
from tests.http.conftest import MakeClient, b64
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


class Told:
    """A prediction of twelve labels."""

    classification = Classification(LABELS[0], 0.5, CANDIDATES, needs_review=False)


def confidences(choice: Choice) -> list[float]:
    found = shown(Told(), CONFIDENCES, LABELS, None, choice)  # type: ignore[arg-type]
    return list(found["confidences"])


@pytest.mark.parametrize("status", GOOGLES_WORDS)
def test_vertex_has_googles_word_for_every_status(status: int) -> None:
    error = google_error({"code": status, "reason": "x", "message": HTTPStatus(status).phrase})["error"]
    assert error == {"code": status, "message": HTTPStatus(status).phrase, "status": GOOGLES_WORDS[status]}


def test_vertex_shows_ten_labels_of_any_confidence_unless_it_is_told_otherwise() -> None:
    assert choice_from({}) == Choice(threshold=0.0, most=10)
    assert confidences(Choice()) == [candidate.score for candidate in CANDIDATES[:10]]


@pytest.mark.parametrize(("threshold", "shown"), [(0.2499, 2), (0.25, 2), (0.2501, 1), (0.5, 1), (0.51, 0)])
def test_a_confidence_at_the_threshold_is_shown(threshold: float, shown: int) -> None:
    assert len(confidences(Choice(threshold))) == shown


@pytest.mark.parametrize(("most", "shown"), [(1, 1), (11, 11), (12, 12), (13, 12)])
def test_as_many_labels_are_shown_as_are_asked_for_if_there_are_so_many(most: int, shown: int) -> None:
    assert len(confidences(Choice(most=most))) == shown


@pytest.mark.parametrize(
    "path", ["/v2/health/ready", "/v2/models/flowers/ready", "/v1/models/flowers", "/v1/models/flowers/versions/1"]
)
def test_a_model_that_was_not_yet_run_is_not_ready_by_any_protocol(
    client_with: MakeClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """KServe and Kubernetes send traffic by it."""
    monkeypatch.setattr(Service, "prepare_in_background", lambda _: None)
    client = client_with()
    early = client.get(path)
    assert early.status_code == 503
    assert early.get_json().get("ready") is False
    client.post("/v1/classify?record=false", data=b"x")  # builds the pipeline
    late = client.get(path)
    assert (late.status_code, late.get_json()["ready"]) == (200, True)
    states = [one["state"] for one in late.get_json().get("model_version_status", [])]
    assert set(states) <= {"AVAILABLE"}


def test_labels_of_every_model_that_is_served_are_known(client_with: MakeClient) -> None:
    client = client_with(MODEL_BUNDLE="flowers_v1,chest_xray_v1")
    known = [client.get(f"/v2/models/{name}").get_json()["labels"] for name in ("flowers", "chest_xray")]
    for label in (known[0][0], known[1][0]):
        answer = client.post(f"/v1/predictions/{'ab' * 32}:label", json={"label": label})
        assert answer.get_json()["is_new_label"] is False, label


def errors_of(kind: type[errors.BucketlensError]) -> Iterator[errors.BucketlensError]:
    """An error of each kind below one."""
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield errors.OverRate(1, 1) if child is errors.OverRate else child("It is so.")
            yield from errors_of(child)


def test_bigquerys_call_fails_only_for_what_may_pass_by_itself() -> None:
    """Whatever is wrong with one object for good is its row's value, and spoils no other."""
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


def test_what_may_pass_fails_bigquerys_call_and_is_no_value(
    client_with: MakeClient, world: World, daisy: bytes
) -> None:
    """A value stays in somebody's table; a call that fails is made again by BigQuery."""
    client = client_with(STORAGE_EMULATOR_HOST="http://127.0.0.1:1", STORAGE_DEADLINE_S="1")
    answer = client.post("/v1/bigquery:call", json={"calls": [[b64(daisy)], [f"gs://{world.uploads}/x.jpg"]]})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert set(answer.get_json()) == {"errorMessage"}
