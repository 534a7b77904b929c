"""The HTTPS function, through functions-framework's own app."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import functions_framework
import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.local.demo.drawings import drawings
from tests.functions.paths import CLASSIFY_REQUEST
from tests.worlds import World

Picture = Callable[..., bytes]
SetAll = Callable[[dict[str, str]], None]


@pytest.fixture
def client(world: World, with_environment: SetAll) -> FlaskClient:
    with_environment(world.environment)
    app: Flask = functions_framework.create_app("classify_request", str(CLASSIFY_REQUEST), "http")
    return app.test_client()


def test_a_raw_image_is_answered_with_its_label_and_how_it_came_about(client: FlaskClient, world: World) -> None:
    content = BytesIO()
    drawings()["daisy"].save(content, "JPEG", quality=92)
    answer = client.post("/v1/classify", data=content.getvalue(), headers={"Content-Type": "image/jpeg"}).get_json()
    assert answer["label"] == "daisy"
    assert answer["score"] == answer["candidates"][0]["score"]
    assert len(answer["candidates"]) == 5
    assert sum(candidate["score"] for candidate in answer["candidates"]) == pytest.approx(1, abs=1e-5)
    assert answer["needs_review"] is (answer["score"] < 0.5) or isinstance(answer["needs_review"], bool)
    assert answer["model"]["name"] == "flowers"
    assert answer["image"]["format"] == "jpeg"
    assert (answer["image"]["width_px"], answer["image"]["height_px"]) == (480, 480)
    assert {"decode_ms", "classify_ms", "archive_ms", "total_ms"} == set(answer["times"])
    sha256 = hashlib.sha256(content.getvalue()).hexdigest()
    assert world.names_in(world.archive) == [f"{sha256[:2]}/{sha256}.jpg"]


def test_what_curl_sends_by_default_is_read_as_an_image(client: FlaskClient, picture: Picture) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/v1/classify?record=false", data=picture(30), headers=headers).status_code == 200


def test_an_answer_that_is_not_recorded_leaves_nothing(client: FlaskClient, world: World, picture: Picture) -> None:
    answer = client.post("/v1/classify?record=false", data=picture(31)).get_json()
    assert answer["recorded"] is False
    assert world.names_in(world.archive) == []
    found = world.warehouse.query(
        "SELECT 1 FROM predictions WHERE prediction_id IN UNNEST(@ids)", ids=[answer["prediction_id"]]
    )
    assert found.rows == []


def test_files_of_a_form_are_answered_in_order_and_a_bad_one_spoils_no_other(
    client: FlaskClient, picture: Picture
) -> None:
    files = [(BytesIO(picture(32)), "a.jpg"), (BytesIO(b"no image"), "b.jpg"), (BytesIO(picture(33)), "c.jpg")]
    answer = client.post("/v1/classify?record=false", data={"image": files})
    assert answer.status_code == 200
    first, second, third = answer.get_json()["predictions"]
    assert (first["image"]["name"], third["image"]["name"]) == ("a.jpg", "c.jpg")
    assert second["error"]["reason"] == "not_an_image"
    assert second["image"]["name"] == "b.jpg"


def test_a_form_of_bad_files_only_is_an_error_by_its_status(client: FlaskClient) -> None:
    assert client.post("/v1/classify", data={"image": (BytesIO(b"no"), "a.jpg")}).status_code == 415


def test_an_object_is_classified_by_its_uri(
    client: FlaskClient, world: World, picture: Picture, tmp_path: Path
) -> None:
    world.put("deep/er.jpg", picture(34), tmp_path)
    answer = client.post("/v1/classify", json={"uri": f"gs://{world.uploads}/deep/er.jpg"}).get_json()
    assert answer["image"]["name"] == "deep/er.jpg"
    [row] = world.rows("latest_predictions")
    assert row["call"]["source"] == "request"


def test_a_bucket_that_is_not_allowed_is_never_asked(client: FlaskClient, world: World) -> None:
    for uri in (f"gs://{world.archive}/x", "gs://somebody-elses/x", "gs://169.254.169.254/computeMetadata"):
        assert client.post("/v1/classify", json={"uri": uri}).status_code == 403


@pytest.mark.parametrize("uri", ["http://x/y", "gs://", "gs://only-a-bucket", "gs:///name", "", 7, None, ["gs://a/b"]])
def test_a_malformed_uri_is_the_callers_mistake(client: FlaskClient, uri: object) -> None:
    assert client.post("/v1/classify", json={"uri": uri}).status_code == 400


def test_an_object_that_is_not_there_is_not_found(client: FlaskClient, world: World) -> None:
    answer = client.post("/v1/classify", json={"uri": f"gs://{world.uploads}/nothing.jpg"})
    assert (answer.status_code, answer.get_json()["error"]["reason"]) == (404, "not_found")


def test_the_same_idempotency_key_gives_the_same_prediction(client: FlaskClient, picture: Picture) -> None:
    headers = {"Idempotency-Key": "order-7"}
    first, second = (client.post("/v1/classify", data=picture(35), headers=headers).get_json() for _ in range(2))
    assert first["prediction_id"] == second["prediction_id"]
    other = client.post("/v1/classify", data=picture(36), headers=headers).get_json()
    assert other["prediction_id"] != first["prediction_id"]


def test_without_a_key_each_request_is_a_prediction_of_its_own(client: FlaskClient, picture: Picture) -> None:
    answers = [client.post("/v1/classify?record=false", data=picture(37)).get_json() for _ in range(2)]
    assert answers[0]["prediction_id"] != answers[1]["prediction_id"]


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        pytest.param(b"", 400, "bad_request", id="empty"),
        pytest.param(b"hello", 415, "not_an_image", id="text"),
        pytest.param(b"\xff\xd8\xff\xe0 and no more", 422, "damaged_image", id="damaged"),
    ],
)
def test_a_bad_body_has_its_exact_status_and_reason(
    client: FlaskClient, content: bytes, status: int, reason: str
) -> None:
    answer = client.post("/v1/classify", data=content)
    assert (answer.status_code, answer.get_json()["error"]["reason"]) == (status, reason)


def test_a_body_over_the_limit_is_refused_unread(client: FlaskClient) -> None:
    answer = client.post("/v1/classify", data=b"x" * (33 << 20))
    assert answer.status_code == 413
    assert answer.get_json()["error"]["code"] == 413


def test_an_image_over_the_limit_is_refused(world: World, with_environment: SetAll, picture: Picture) -> None:
    with_environment(world.environment | {"MAX_IMAGE_BYTES": "1000", "MAX_IMAGE_PIXELS": "70000"})
    client = functions_framework.create_app("classify_request", str(CLASSIFY_REQUEST), "http").test_client()
    answer = client.post("/v1/classify", data=picture(38))
    assert (answer.status_code, answer.get_json()["error"]["reason"]) == (413, "too_many_bytes")


def test_more_files_than_allowed_are_refused_together(client: FlaskClient) -> None:
    files = [(BytesIO(b"x"), f"{index}.jpg") for index in range(17)]
    assert client.post("/v1/classify", data={"image": files}).status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/classify", 405),
        ("POST", "/v1/classify/more", 404),
        ("GET", "/nowhere", 404),
        ("POST", "/v1/classify?record=perhaps", 400),
    ],
)
def test_errors_have_one_shape(client: FlaskClient, method: str, path: str, status: int) -> None:
    answer = client.open(path, method=method, data=b"x")
    assert answer.status_code == status
    assert set(answer.get_json()) == {"error"}
    assert set(answer.get_json()["error"]) == {"code", "reason", "message"}


def test_a_caller_is_told_when_to_come_back_while_the_warehouse_is_away(
    world: World, with_environment: SetAll, picture: Picture
) -> None:
    away = {"BIGQUERY_EMULATOR_HOST": "http://127.0.0.1:9", "WAREHOUSE_DEADLINE_S": "1"}
    with_environment(world.environment | away)
    client = functions_framework.create_app("classify_request", str(CLASSIFY_REQUEST), "http").test_client()
    answer = client.post("/v1/classify", data=picture(39))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert "127.0.0.1" not in answer.text
