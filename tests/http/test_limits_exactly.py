"""Tests of the limits for callers: exactly the limit is accepted, and one more is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image

from shared.http.protocols import bigquery_remote_function
from shared.http.protocols.bucketlens import MAX_URI_BODY_BYTES
from shared.http.protocols.feedback import MAX_LABEL_CHARACTERS, MAX_NOTE_CHARACTERS
from shared.http.protocols.model_repository import MAX_BODY_BYTES
from shared.http.read_body import SMALL_BYTES, cost_of_parsing
from shared.http.request_options import MAX_KEY_CHARACTERS, MAX_NAME_BYTES
from shared.images.memory_budget import MIB, MemoryBudget, MemoryBudgets
from shared.inference.classifier import Classifier
from tests.http.batches import BATCHES
from tests.http.conftest import MakeClient, b64
from tests.memory.object_store import MemoryStore
from tests.memory.service import MemoryService, https_function
from tests.memory.warehouse import MemoryWarehouse
from tests.worlds import World, new_world

LABEL = f"/v1/predictions/{'ab' * 32}:label"
PREDICT = "/v1/models/flowers:predict"
AROUND = (-1, 0, 1)
"""One below a limit, exactly at it, and one above."""


@pytest.fixture(scope="module")
def photo() -> bytes:
    """A small JPEG."""
    content = BytesIO()
    Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(content, "JPEG")
    return content.getvalue()


@pytest.fixture(scope="module")
def client(classifier: Classifier, memory_warehouse: MemoryWarehouse) -> FlaskClient:
    """The function with its default settings, for all tests; but none of them uses the rate up."""
    store = MemoryStore()
    pipeline = new_world(store, memory_warehouse, classifier, store.put, {}).pipeline
    return https_function(MemoryService(pipeline, MAX_IMAGES_PER_MINUTE="30000")).test_client()


@pytest.mark.parametrize("images", [15, 16, 17])
@pytest.mark.parametrize("path", BATCHES)
def test_request_has_at_most_as_many_images_as_are_allowed(client: FlaskClient, path: str, images: int) -> None:
    answer = client.post(f"{path}?record=false", json=BATCHES[path](images))
    assert (answer.status_code == 413) is (images > 16), "none of them is an image, but they are looked at"


@pytest.mark.parametrize("images", [15, 16, 17])
def test_form_has_at_most_as_many_files_as_are_allowed(client: FlaskClient, images: int) -> None:
    files = [(BytesIO(b"bread"), f"{index}.jpg") for index in range(images)]
    answer = client.post("/v1/classify?record=false", data={"image": files})
    assert (answer.status_code == 413) is (images > 16)


def sent_in_every_way(content: bytes, uri: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return requests of one image, by how it is sent."""
    image = b64(content)
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [image]}
    return {
        "as it is": ("/v1/classify?record=false", {"data": content}),
        "in a form": ("/v1/classify?record=false", {"data": {"image": (BytesIO(content), "a.jpg")}}),
        "by its URI": ("/v1/classify?record=false", {"json": {"uri": uri}}),
        "as an instance": (f"{PREDICT}?record=false", {"json": {"instances": [{"b64": image}]}}),
        "as an object of an instance": (f"{PREDICT}?record=false", {"json": {"instances": [{"gcsUri": uri}]}}),
        "in a tensor": ("/v2/models/flowers/infer?record=false", {"json": {"inputs": [tensor]}}),
        "to be explained": ("/v1/models/flowers:explain", {"data": content}),
        "to be shown": ("/v1/preview", {"data": content}),
    }


@pytest.mark.parametrize("more", AROUND)
def test_image_has_at_most_as_many_bytes_as_are_allowed_however_it_is_sent(
    memory_world: World, photo: bytes, tmp_path: Path, more: int
) -> None:
    memory_world.put("photo.jpg", photo, tmp_path)
    limit = {"MAX_IMAGE_BYTES": str(len(photo) - more)}
    service = MemoryService(memory_world.pipeline, READABLE_BUCKETS=memory_world.uploads, **limit)
    client = https_function(service).test_client()
    statuses = {
        how: client.post(path, **request).status_code
        for how, (path, request) in sent_in_every_way(photo, f"gs://{memory_world.uploads}/photo.jpg").items()
    }
    assert set(statuses.values()) == {413 if more > 0 else 200}, statuses


@pytest.mark.parametrize("more", AROUND)
def test_image_has_at_most_as_many_pixels_as_are_allowed(memory_client: MakeClient, photo: bytes, more: int) -> None:
    width_px, height_px = Image.open(BytesIO(photo)).size
    client = memory_client(MAX_IMAGE_PIXELS=str(width_px * height_px - more))
    answer = client.post("/v1/classify?record=false", data=photo)
    assert answer.status_code == (413 if more > 0 else 200)


@pytest.mark.parametrize("more", AROUND)
@pytest.mark.parametrize("path", [PREDICT, "/v1/classify"])
def test_body_has_at_most_as_many_bytes_as_a_request_may(memory_client: MakeClient, path: str, more: int) -> None:
    client, body = memory_client(), b'{"instances": [7]}'
    client.application.config["MAX_CONTENT_LENGTH"] = len(body) - more
    assert (client.post(f"{path}?record=false", data=body).status_code == 413) is (more > 0)


@pytest.mark.parametrize("more", AROUND)
def test_body_that_names_an_object_is_short(memory_client: MakeClient, more: int) -> None:
    client = memory_client(READABLE_BUCKETS="album")
    body = b'{"uri": "gs://album/a"}'.ljust(MAX_URI_BODY_BYTES + more)
    answer = client.post("/v1/classify", data=body, content_type="application/json")
    assert answer.status_code == (413 if more > 0 else 404), "there is no such object"


@pytest.mark.parametrize("more", AROUND)
def test_body_that_loads_a_model_is_short(client: FlaskClient, more: int) -> None:
    body = b'{"ready": true}'.ljust(MAX_BODY_BYTES + more)
    answer = client.post("/v2/repository/index", data=body, content_type="application/json")
    assert answer.status_code == (413 if more > 0 else 200)


@pytest.mark.parametrize("more", AROUND)
def test_object_name_has_at_most_as_many_bytes_as_one_may_have(memory_client: MakeClient, more: int) -> None:
    name = "é" * 511 + "xx" + "x" * more
    client = memory_client(READABLE_BUCKETS="album")
    answer = client.post("/v1/classify", json={"uri": f"gs://album/{name}"})
    assert answer.status_code == (400 if more > 0 else 404)


@pytest.mark.parametrize("more", AROUND)
def test_file_name_has_at_most_as_many_bytes_as_an_object_may_have(
    client: FlaskClient, photo: bytes, more: int
) -> None:
    headers = {"Content-Disposition": f'attachment; filename="{"x" * (MAX_NAME_BYTES + more)}"'}
    answer = client.post("/v1/classify?record=false", data=photo, headers=headers)
    assert answer.status_code == (400 if more > 0 else 200)


@pytest.mark.parametrize("characters", [0, 1, MAX_KEY_CHARACTERS, MAX_KEY_CHARACTERS + 1])
def test_idempotency_key_has_one_to_255_characters(client: FlaskClient, photo: bytes, characters: int) -> None:
    headers = {"Idempotency-Key": "k" * characters}
    answer = client.post("/v1/classify?record=false", data=photo, headers=headers)
    assert answer.status_code == (200 if characters in (1, MAX_KEY_CHARACTERS) else 400)


@pytest.mark.parametrize("characters", [0, 1, MAX_LABEL_CHARACTERS, MAX_LABEL_CHARACTERS + 1])
def test_label_has_one_to_a_hundred_characters(client: FlaskClient, characters: int) -> None:
    answer = client.post(LABEL, json={"label": "x" * characters})
    assert answer.status_code == (200 if characters in (1, MAX_LABEL_CHARACTERS) else 400)


@pytest.mark.parametrize("more", AROUND)
def test_note_has_at_most_two_thousand_characters(client: FlaskClient, more: int) -> None:
    answer = client.post(LABEL, json={"label": "roses", "note": "x" * (MAX_NOTE_CHARACTERS + more)})
    assert answer.status_code == (400 if more > 0 else 200)


@pytest.mark.parametrize("limit", [1, 2])
def test_labels_count_for_the_rate_as_images_do(memory_client: MakeClient, limit: int) -> None:
    client = memory_client(MAX_IMAGES_PER_MINUTE=str(limit))
    statuses = [client.post(LABEL, json={"label": "roses"}).status_code for _ in range(limit + 1)]
    assert statuses == [200] * limit + [429]


@pytest.mark.parametrize(("path", "body"), [("/v1/preview", None), ("/v1/models/flowers:explain", None), (LABEL, {})])
def test_requests_that_cost_as_an_image_does_count_for_the_rate(
    memory_client: MakeClient, photo: bytes, path: str, body: dict[str, str] | None
) -> None:
    client = memory_client(MAX_IMAGES_PER_MINUTE="1")
    request: dict[str, Any] = {"data": photo} if body is None else {"json": {"label": "roses"}}
    assert client.post(path, **request).status_code == 200
    assert client.post("/v1/classify?record=false", data=photo).status_code == 429


MakeService = Callable[[int], MemoryService]


@pytest.fixture
def service_with(memory_world: World) -> MakeService:
    """Return a maker of a service with so much memory for files, for which no request waits."""

    def make(files_bytes: int) -> MemoryService:
        service = MemoryService(memory_world.pipeline)
        memory = MemoryBudgets(MemoryBudget(files_bytes, timeout_s=0), MemoryBudget(208 * MIB, timeout_s=0))
        service._pipeline = replace(service._pipeline, memory=memory)
        return service

    return make


@pytest.mark.parametrize("more", AROUND)
def test_json_may_take_all_the_memory_that_there_is_for_files_and_no_more(service_with: MakeService, more: int) -> None:
    body = b'{"instances": [' + b"7," * 9_000 + b"7]}"
    client = https_function(service_with(cost_of_parsing(body) - more)).test_client()
    answer = client.post(PREDICT, data=body, content_type="application/json")
    assert cost_of_parsing(body) > SMALL_BYTES > len(body)
    assert answer.status_code == (413 if more > 0 else 400), "a number is no image"


@pytest.mark.parametrize("more", AROUND)
def test_small_json_takes_no_memory_of_others(service_with: MakeService, more: int) -> None:
    service = service_with(MIB)
    body = b'{"uri": 7}'.ljust(SMALL_BYTES + more)
    with service.pipeline().memory.files.room_for(MIB):
        answer = https_function(service).test_client().post("/v1/bigquery:call", data=body)
    assert answer.status_code == (429 if more > 0 else 400)


@pytest.mark.parametrize(
    ("requested", "candidates"),
    [("1", 1), ("4", 4), ("5", 5), ("6", 5), ("99999999", 5), ("999999999", None), ("0", None)],
)
def test_bigquery_gets_as_many_candidates_as_it_asks_for_if_there_are_so_many(
    client: FlaskClient, photo: bytes, requested: str, candidates: int | None
) -> None:
    body = {"calls": [[b64(photo)]], "userDefinedContext": {"k": requested}}
    answer = client.post("/v1/bigquery:call", json=body)
    if candidates is None:
        assert answer.status_code == 400
    else:
        assert len(answer.get_json()["replies"][0]["candidates"]) == candidates


@pytest.mark.parametrize("more", AROUND)
def test_error_in_bigquery_has_at_most_as_many_characters_as_are_shown(more: int) -> None:
    most = bigquery_remote_function.MAX_ERROR_CHARACTERS
    message = bigquery_remote_function.error_message({"message": "x" * (most + more)})["errorMessage"]
    assert len(message) == min(most, most + more)
