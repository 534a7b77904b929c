"""Answers: predictions and errors as clients see them, without internals of the server."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask, abort, g, request
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException, default_exceptions

from shared import errors
from shared.http.app import set_up_app
from shared.http.responses import error_response, prediction_response
from shared.logs import log
from shared.settings import Settings
from shared.types import (
    Call,
    Candidate,
    Classification,
    ImageFacts,
    ModelFacts,
    Prediction,
    Source,
    Times,
)

SECRET = "/srv/secret/path: password=hunter2"
REQUIRED = {"GOOGLE_CLOUD_PROJECT": "p", "UPLOAD_BUCKET": "uuu", "ARCHIVE_BUCKET": "aaa", "QUARANTINE_BUCKET": "qqq"}

KINDS: list[tuple[Exception, int, str, dict[str, str]]] = [
    (errors.NotAnImage("It is a list."), 415, "not_an_image", {}),
    (errors.DamagedImage("It is cut."), 422, "damaged_image", {}),
    (errors.TooManyBytes("It is long."), 413, "too_many_bytes", {}),
    (errors.TooManyPixels("It is wide."), 413, "too_many_pixels", {}),
    (errors.TriedTooOften("Three times."), 422, "tried_too_often", {}),
    (errors.UnknownModel("No such model."), 404, "unknown_model", {}),
    (errors.TooCostly("It is slow."), 422, "too_costly", {}),
    (errors.WrongEncoding("It is plain."), 422, "wrong_content_encoding", {}),
    (errors.MetadataStays("It is old."), 422, "metadata_stays", {}),
    (errors.Unreadable("It has a key."), 422, "unreadable", {}),
    (errors.BadRequest("No body."), 400, "bad_request", {}),
    (errors.BadRequest("Not that bucket.", 403), 403, "bad_request", {}),
    (errors.AlreadyDone(SECRET), 404, "not_found", {}),
    (errors.Superseded(SECRET), 404, "not_found", {}),
    (errors.BadRequest("Not that page.", 403, "cross_site"), 403, "cross_site", {}),
    (errors.KeysUnavailable(SECRET), 503, "unavailable", {"Retry-After": "2"}),
    (errors.StorageUnavailable(SECRET), 503, "unavailable", {"Retry-After": "2"}),
    (errors.StorageRefused(SECRET), 503, "unavailable", {"Retry-After": "2"}),
    (errors.NameTaken(SECRET), 503, "unavailable", {"Retry-After": "2"}),
    (errors.WarehouseUnavailable(SECRET), 503, "unavailable", {"Retry-After": "2"}),
    (errors.RowRefused(SECRET), 503, "unavailable", {"Retry-After": "2"}),
    (errors.Busy(SECRET), 429, "busy", {"Retry-After": "1"}),
    (errors.OverRate(7, retry_after_s=9), 429, "over_rate", {"Retry-After": "9"}),
    (errors.Misconfigured(SECRET, [SECRET]), 500, "internal", {}),
    (errors.InvalidBundle(SECRET, [SECRET]), 500, "internal", {}),
    (RuntimeError(SECRET), 500, "internal", {}),
    (KeyError(SECRET), 500, "internal", {}),
    (OSError(2, "No such file", SECRET), 500, "internal", {}),
]


class ServiceStub:
    """The part of a service that the routes use."""

    def __init__(self, is_ready: bool = False) -> None:
        self.settings = Settings.from_environment(REQUIRED)
        self.is_ready = is_ready
        self.asked_to_prepare = 0

    def prepare_in_background(self) -> None:
        self.asked_to_prepare += 1


@pytest.fixture
def service() -> ServiceStub:
    return ServiceStub()


@pytest.fixture
def client(service: ServiceStub) -> FlaskClient:
    app = Flask("test")
    set_up_app(app, service)  # type: ignore[arg-type]

    @app.route("/raise/<int:index>")
    def raise_(index: int) -> str:
        raise KINDS[index][0]

    @app.route("/abort/<int:status>")
    def abort_(status: int) -> str:
        abort(status)

    @app.route("/read", methods=["POST"])
    def read() -> str:
        return str(len(request.get_data()))

    return app.test_client()


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    """A handler that collects log records; the log is restored afterwards."""
    kept: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(record)

    handlers, level = log.handlers[:], log.level
    log.handlers[:] = [Keep()]
    log.setLevel(logging.INFO)
    yield kept
    log.handlers[:], log.level = handlers, level


def subclasses(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


@pytest.mark.parametrize(("error", "status", "reason", "headers"), KINDS, ids=lambda value: type(value).__name__)
def test_error_response_has_the_status_and_headers_of_each_kind(
    error: Exception, status: int, reason: str, headers: dict[str, str]
) -> None:
    body, given_status, given_headers = error_response(error)
    assert (given_status, given_headers) == (status, headers)
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"code", "reason", "message"}
    assert (body["error"]["code"], body["error"]["reason"]) == (status, reason)
    assert type(body["error"]["code"]) is int
    assert body["error"]["message"].endswith(".")


def test_error_response_cases_cover_every_error_class() -> None:
    own_errors = {kind for kind in subclasses(errors.BucketlensError) if kind.__module__ == "shared.errors"}
    abstract = {errors.Permanent, errors.Transient}
    assert own_errors - abstract == {type(error) for error, *_ in KINDS if isinstance(error, errors.BucketlensError)}


def test_error_response_quotes_errors_that_a_client_can_fix() -> None:
    for error in (errors.NotAnImage("It is a list."), errors.BadRequest("No body.")):
        assert error_response(error)[0]["error"]["message"] == str(error)


@pytest.mark.parametrize("index", range(len(KINDS)), ids=lambda index: type(KINDS[index][0]).__name__)
def test_error_response_contains_no_exception_text(
    client: FlaskClient, records: list[logging.LogRecord], index: int
) -> None:
    error, status, reason, headers = KINDS[index]
    response = client.get(f"/raise/{index}")
    assert (response.status_code, response.json["error"]["reason"]) == (status, reason)  # type: ignore[index]
    assert {name: response.headers.get(name) for name in headers} == headers
    for hidden in ("hunter2", "/srv", "Traceback", type(error).__name__):
        assert hidden not in response.get_data(as_text=True)
        assert hidden not in str(response.headers)


def test_error_that_is_unexpected_is_logged_with_its_traceback(
    client: FlaskClient, records: list[logging.LogRecord]
) -> None:
    index = next(index for index, kind in enumerate(KINDS) if isinstance(kind[0], RuntimeError))
    client.get(f"/raise/{index}")
    [record] = records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[1] is KINDS[index][0]


def test_error_that_is_transient_is_logged_as_a_warning_with_its_cause(
    client: FlaskClient, records: list[logging.LogRecord]
) -> None:
    index = next(index for index, kind in enumerate(KINDS) if isinstance(kind[0], errors.StorageUnavailable))
    client.get(f"/raise/{index}")
    [record] = records
    assert (record.levelno, record.getMessage()) == (logging.WARNING, SECRET)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 415, 429, 500, 503])
def test_errors_of_the_framework_have_the_same_shape(client: FlaskClient, status: int) -> None:
    response = client.get(f"/abort/{status}")
    assert (response.status_code, response.mimetype) == (status, "application/json")
    document: Any = response.json
    assert document["error"].keys() == {"code", "reason", "message"}
    assert document["error"]["code"] == status
    assert document["error"]["reason"].replace("_", "").isalpha()


def test_errors_of_unknown_paths_and_methods_have_the_same_shape(client: FlaskClient) -> None:
    for response in (client.get("/nowhere"), client.delete("/v2/health/live")):
        document: Any = response.json
        assert document["error"]["code"] == response.status_code
        assert response.status_code in (404, 405)


@pytest.mark.parametrize("status", sorted(default_exceptions))
def test_error_response_answers_every_error_of_werkzeug(status: int) -> None:
    body, code, _ = error_response(default_exceptions[status]())
    assert code == body["error"]["code"] == status


def test_error_response_to_a_wrong_method_names_the_allowed_ones(client: FlaskClient) -> None:
    assert client.delete("/v2/health/live").headers["Allow"] == "GET, HEAD, OPTIONS"


def test_error_has_the_shape_of_the_requests_protocol(client: FlaskClient) -> None:
    @client.application.route("/shaped")
    def shaped() -> str:
        g.error_shape = lambda refusal: {"oops": refusal["message"]}
        raise errors.BadRequest("No body.")

    assert client.get("/shaped").json == {"oops": "No body."}


def test_error_response_to_an_http_error_without_a_code_is_500() -> None:
    assert error_response(HTTPException())[1] == 500


def test_body_over_the_limit_is_refused_in_the_same_shape(client: FlaskClient) -> None:
    assert client.application.config["MAX_CONTENT_LENGTH"] == 32 << 20
    client.application.config["MAX_CONTENT_LENGTH"] = 5
    assert client.post("/read", data=bytes(5)).text == "5"
    response = client.post("/read", data=bytes(6))
    document: Any = response.json
    assert (response.status_code, document["error"]["reason"]) == (413, "request_entity_too_large")
    assert response.headers["Connection"] == "close"


def test_ready_route_has_one_state_in_status_and_body() -> None:
    class Becoming(ServiceStub):
        """A service that another thread makes ready right after the first read."""

        @property
        def is_ready(self) -> bool:
            self.looks += 1
            return self.looks > 1

        @is_ready.setter
        def is_ready(self, value: bool) -> None:
            self.looks = 0

    app = Flask("test")
    set_up_app(app, Becoming())  # type: ignore[arg-type]
    answers = [app.test_client().get("/v2/health/ready") for _ in range(2)]
    assert [(answer.status_code, answer.json) for answer in answers] == [
        (503, {"ready": False, "live": True}),
        (200, {"ready": True, "live": True}),
    ]


def test_process_is_live_before_it_is_ready(client: FlaskClient, service: ServiceStub) -> None:
    live, ready = client.get("/v2/health/live"), client.get("/v2/health/ready")
    assert (live.status_code, live.json) == (200, {"live": True})
    assert (ready.status_code, ready.json) == (503, {"ready": False, "live": True})
    assert service.asked_to_prepare == 1
    service.is_ready = True
    ready = client.get("/v2/health/ready")
    assert (ready.status_code, ready.json) == (200, {"ready": True, "live": True})


def test_prediction_response_contains_all_facts_of_the_prediction() -> None:
    classification = Classification("rose", 0.9, (Candidate("rose", 0.9), Candidate("tulip", 0.1)), needs_review=False)
    prediction = Prediction(
        prediction_id="p" * 64,
        upload_id="u" * 64,
        uploaded_at=datetime(2025, 11, 21, tzinfo=UTC),
        classification=classification,
        image=ImageFacts(5, "image/png", "c" * 64, format="png", width_px=4, height_px=3),
        archive_uri="gs://archive/cc/c.png",
        model=ModelFacts("flowers", "1", "d" * 64, "litert"),
        call=Call(Source.REQUEST, datetime(2025, 11, 21, tzinfo=UTC)),
        times=Times(decode_ms=1.23456, total_ms=2.0),
    )
    answer = prediction_response(prediction, recorded=True)
    assert json.loads(json.dumps(answer)) == {
        "label": "rose",
        "score": 0.9,
        "needs_review": False,
        "is_unfamiliar": None,
        "candidates": [{"label": "rose", "score": 0.9}, {"label": "tulip", "score": 0.1}],
        "prediction_id": "p" * 64,
        "recorded": True,
        "model": {"name": "flowers", "version": "1", "digest": "d" * 64, "runtime": "litert"},
        "image": {
            "size_bytes": 5,
            "content_type": "image/png",
            "sha256": "c" * 64,
            "format": "png",
            "width_px": 4,
            "height_px": 3,
        },
        "times": {"decode_ms": 1.235, "total_ms": 2.0},
    }
    assert next(iter(answer)) == "label"
    assert prediction_response(prediction, recorded=False)["recorded"] is False
