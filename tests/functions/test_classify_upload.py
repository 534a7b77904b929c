"""The event function, through functions-framework's own app."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import functions_framework
import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.errors import Misconfigured
from tests.functions.paths import CLASSIFY_UPLOAD
from tests.functions.upload_events import data, headers
from tests.worlds import World

Picture = Callable[..., bytes]


@pytest.fixture
def client(world: World, with_environment: Callable[[dict[str, str]], None]) -> FlaskClient:
    with_environment(world.environment)
    app: Flask = functions_framework.create_app("classify_upload", str(CLASSIFY_UPLOAD), "cloudevent")
    return app.test_client()


def test_an_event_becomes_a_row_that_names_the_call(
    client: FlaskClient, world: World, picture: Picture, tmp_path: Path
) -> None:
    world.put("garden/rose ü.jpg", picture(20), tmp_path)
    upload = world.store.find(world.uploads, "garden/rose ü.jpg")
    assert client.post("/", json=data(upload), headers=headers()).status_code == 200
    [row] = world.rows("latest_predictions")
    assert row["image"]["name"] == "garden/rose ü.jpg"
    assert row["call"]["source"] == "event"
    assert row["call"]["event_id"] == "1234"
    assert row["call"]["trace"] == f"projects/local/traces/{'a' * 32}"
    assert row["call"]["is_cold_start"] is True


def test_the_same_event_twice_is_one_row(client: FlaskClient, world: World, picture: Picture, tmp_path: Path) -> None:
    world.put("a.jpg", picture(21), tmp_path)
    upload = world.store.find(world.uploads, "a.jpg")
    for _ in range(2):
        assert client.post("/", json=data(upload), headers=headers()).status_code == 200
    assert len(world.rows("latest_predictions")) == 1


def test_structured_mode_events_are_read_as_well(
    client: FlaskClient, world: World, picture: Picture, tmp_path: Path
) -> None:
    world.put("s.jpg", picture(22), tmp_path)
    event: dict[str, Any] = {
        name.removeprefix("ce-"): value for name, value in headers().items() if name.startswith("ce-")
    }
    event |= {"datacontenttype": "application/json", "data": data(world.store.find(world.uploads, "s.jpg"))}
    answer = client.post("/", data=json.dumps(event), headers={"content-type": "application/cloudevents+json"})
    assert answer.status_code == 200
    assert len(world.rows("latest_predictions")) == 1


def test_an_object_of_another_bucket_is_acknowledged_and_left_alone(
    client: FlaskClient, world: World, picture: Picture, tmp_path: Path
) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(picture(23))
    world.store.upload(world.archive, "x.jpg", path)
    upload = world.store.find(world.archive, "x.jpg")
    assert client.post("/", json=data(upload), headers=headers()).status_code == 200
    assert world.names_in(world.archive) == ["x.jpg"]
    assert world.rows("latest_predictions") == []


def test_an_event_that_was_retried_for_too_long_is_left_to_the_sweep(
    client: FlaskClient, world: World, picture: Picture, tmp_path: Path
) -> None:
    world.put("old.jpg", picture(24), tmp_path)
    upload = world.store.find(world.uploads, "old.jpg")
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert client.post("/", json=data(upload), headers=headers(**{"ce-time": yesterday})).status_code == 200
    assert world.names_in(world.uploads) == ["old.jpg"]


def test_an_event_above_the_rate_is_acknowledged_said_and_left_to_the_sweep(
    world: World,
    with_environment: Callable[[dict[str, str]], None],
    picture: Picture,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with_environment(world.environment | {"MAX_IMAGES_PER_MINUTE": "1"})
    client = functions_framework.create_app("classify_upload", str(CLASSIFY_UPLOAD), "cloudevent").test_client()
    for seed, name in enumerate(("first.jpg", "second.jpg")):
        world.put(name, picture(30 + seed), tmp_path)
        upload = world.store.find(world.uploads, name)
        assert client.post("/", json=data(upload), headers=headers()).status_code == 200
    assert world.names_in(world.uploads) == ["second.jpg"]
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (said["severity"], said["outcome"]) == ("WARNING", "over_rate")
    assert "all that MAX_IMAGES_PER_MINUTE allows" in said["message"]


@pytest.mark.parametrize("body", [{}, {"bucket": "b"}, [], "text", {"bucket": "b", "name": "n", "generation": "x"}])
def test_an_event_that_says_nothing_is_acknowledged_so_that_it_does_not_come_back(
    capsys: pytest.CaptureFixture[str], client: FlaskClient, body: Any
) -> None:
    assert client.post("/", json=body, headers=headers()).status_code == 200
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["outcome"] == "malformed_event"


def test_an_event_comes_back_while_storage_is_away_and_says_nothing_of_ours(
    world: World, with_environment: Callable[[dict[str, str]], None]
) -> None:
    with_environment(world.environment | {"STORAGE_EMULATOR_HOST": "http://127.0.0.1:9", "STORAGE_DEADLINE_S": "1"})
    client = functions_framework.create_app("classify_upload", str(CLASSIFY_UPLOAD), "cloudevent").test_client()
    body = {"bucket": world.uploads, "name": "n.jpg", "generation": "1790000000000000", "size": "3"}
    answer = client.post("/", json=body, headers=headers())
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "127.0.0.1" not in answer.text


def test_every_outcome_is_one_json_line_with_its_trace(
    capsys: pytest.CaptureFixture[str], client: FlaskClient, world: World, picture: Picture, tmp_path: Path
) -> None:
    world.put("one line.jpg", picture(25), tmp_path)
    client.post("/", json=data(world.store.find(world.uploads, "one line.jpg")), headers=headers())
    [line] = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert line["severity"] == "INFO"
    assert line["outcome"] == "predicted"
    assert line["logging.googleapis.com/trace"] == f"projects/local/traces/{'a' * 32}"
    assert line["event_id"] == "1234"


def test_health_is_answered_and_ready_only_after_an_inference(client: FlaskClient) -> None:
    assert client.get("/v2/health/live").get_json() == {"live": True}
    first = client.get("/v2/health/ready")
    assert first.get_json() == {"ready": False, "live": True}
    assert first.status_code == 503
    while (answer := client.get("/v2/health/ready")).status_code != 200:
        pass
    assert answer.get_json() == {"ready": True, "live": True}


def test_a_request_that_is_no_event_gets_an_error_of_our_shape(client: FlaskClient) -> None:
    answer = client.post("/", data="hello")
    assert 400 <= answer.status_code < 500
    assert set(answer.get_json()["error"]) == {"code", "reason", "message"}
    assert "Got HTTP headers" not in answer.text


def test_a_wrong_deployment_does_not_start_and_names_every_fault(
    world: World, with_environment: Callable[[dict[str, str]], None]
) -> None:
    with_environment(world.environment | {"ARCHIVE_BUCKET": world.uploads, "MAX_IMAGE_BYTES": "lots"})
    with pytest.raises(Misconfigured) as fault:
        functions_framework.create_app("classify_upload", str(CLASSIFY_UPLOAD), "cloudevent")
    assert "MAX_IMAGE_BYTES is 'lots'" in str(fault.value)
    assert "three different buckets" in str(fault.value)


def test_the_event_of_a_folder_is_acknowledged_and_the_folder_stays(
    client: FlaskClient, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The console makes a folder as an object of no bytes whose name ends with a slash."""
    world.put("roses", b"", tmp_path)
    event = data(world.store.find(world.uploads, "roses")) | {"name": "roses/"}
    assert client.post("/", json=event, headers=headers()).status_code == 200
    assert "not_an_upload" in capsys.readouterr().out
    assert world.rows("rejected_uploads") == []
    assert world.names_in(world.quarantine) == []
    assert world.names_in(world.uploads) == ["roses"]
