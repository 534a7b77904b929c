"""Tests that an answer is of one state: a change during a request shows as before or as after, never mixed."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image

from shared.bundles.bundle import load_bundle
from shared.bundles.model_index import ModelIndex
from shared.http.router import PROTOCOLS
from shared.inference.classifier import Classifier
from shared.inference.registry import ModelRegistry, ServedModels
from shared.service import Service
from shared.wiring import load_model
from tests.bundles.copies import write_bundle
from tests.http.conftest import b64
from tests.memory.object_store import MemoryStore
from tests.memory.service import MemoryService, https_function
from tests.memory.warehouse import MemoryWarehouse
from tests.worlds import new_world

NAMES = {"model": "flowers", "version": "stable", "label": "stable", "id": "ab" * 32}
VERTEX = "/v1/projects/p/locations/l/endpoints/flowers:predict"
NOT_OF_WHAT_IS_SERVED = ("/metrics", "/v1/history")
"""The first differs with the moment, the second with the warehouse."""

QUESTIONS: dict[str, dict[str, Any]] = {
    route.path.format(**NAMES): {"method": "GET"}
    for protocol in PROTOCOLS
    for route in protocol.routes
    if route.method == "GET" and route.path not in NOT_OF_WHAT_IS_SERVED
}
QUESTIONS["/v2/repository/index"] = {"method": "POST"}


def small_picture() -> bytes:
    content = BytesIO()
    Image.linear_gradient("L").resize((32, 24)).convert("RGB").save(content, "PNG")
    return content.getvalue()


def _with_an_image() -> dict[str, dict[str, Any]]:
    """Return requests by path: for each protocol one with an image, which is not recorded."""
    content = small_picture()
    image = b64(content)
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [image]}
    bodies: dict[str, dict[str, Any]] = {
        "/v1/classify?record=false": {"data": content},
        "/v1/classify?record=false&model=flowers@stable": {"data": content},
        "/v2/models/flowers/infer?record=false": {"json": {"inputs": [tensor], "id": "7"}},
        "/v1/models/flowers:predict?record=false": {"json": {"instances": [{"b64": image}]}},
        "/v1/models/flowers:classify?record=false": {"json": {"examples": [{"image": {"b64": image}}]}},
        "/v1/models/flowers:explain?label=roses": {"json": {"instances": [{"content": image}]}},
        f"{VERTEX}?record=false": {"json": {"instances": [{"content": image}]}},
        "/v1/bigquery:call": {"json": {"calls": [[image]]}},
    }
    return {path: {"method": "POST", "headers": {"Idempotency-Key": "k"}, **body} for path, body in bodies.items()}


REQUESTS = {**QUESTIONS, **_with_an_image()}


class Turn:
    """A turn that comes after so many looks."""

    def __init__(self, after_looks: int) -> None:
        self.after_looks = after_looks
        self.looks = 0

    def has_come(self) -> bool:
        self.looks += 1
        return self.looks > self.after_looks


class Replaced(ModelRegistry):
    """A registry that serves another state when its turn has come."""

    def __init__(self, before: ServedModels, after: ServedModels, turn: Turn) -> None:
        self._states, self._turn = (before, after), turn

    @property
    def _served(self) -> ServedModels:  # type: ignore[override]
        return self._states[self._turn.has_come()]


class BecomingReady(MemoryService):
    """A service that is ready when its turn has come."""

    readiness = Turn(0)

    @property
    def is_ready(self) -> bool:
        return self.readiness.has_come()


@pytest.fixture(scope="module")
def service(classifier: Classifier, memory_warehouse: MemoryWarehouse) -> BecomingReady:
    """The service for all tests: each sets what is served and when it is ready."""
    store = MemoryStore()
    pipeline = new_world(store, memory_warehouse, classifier, store.put, {}).pipeline
    return BecomingReady(pipeline, MAX_IMAGES_PER_MINUTE="30000")


@pytest.fixture(scope="module")
def client(service: BecomingReady) -> FlaskClient:
    """The app for all tests, since a table of routes takes a while to build."""
    return https_function(service).test_client()


@pytest.fixture(scope="module")
def states(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> tuple[ServedModels, ServedModels]:
    """The model that ships, and its version 2, which has other answers."""
    bundle = load_bundle(write_bundle(tmp_path_factory.mktemp("bundles") / "2", "2", turn=1))
    both = (classifier, Classifier(bundle, load_model(bundle, threads=1)))
    first, second = (
        ServedModels(ModelIndex.of([version.bundle]), {version.bundle.digest: version}) for version in both
    )
    return first, second


def answer_of(client: FlaskClient, path: str) -> tuple[int, Any]:
    """Return the status and the body of an answer, without the parts that differ each time."""
    answer = client.open(path, **REQUESTS[path])
    body = answer.get_json(silent=True)
    return answer.status_code, {**body, "times": None} if isinstance(body, dict) else body or answer.text


def see_that_each_is_of_one_state(answer_after: Callable[[Turn], tuple[int, Any]]) -> None:
    """Change the state after each number of looks, and check that no answer is mixed."""
    before, after = answer_after(Turn(10**6)), answer_after(Turn(0))
    for looks in count(1):
        turn = Turn(looks)
        assert answer_after(turn) in (before, after), f"after {looks} looks"
        if turn.looks <= looks:
            return


@pytest.mark.parametrize("path", REQUESTS)
def test_answer_is_of_one_model_while_another_version_is_loaded(
    service: BecomingReady, client: FlaskClient, states: tuple[ServedModels, ServedModels], path: str
) -> None:
    def answer_after(turn: Turn) -> tuple[int, Any]:
        service.models, service.readiness = Replaced(*states, turn), Turn(0)
        return answer_of(client, path)

    see_that_each_is_of_one_state(answer_after)


@pytest.mark.parametrize("path", REQUESTS)
def test_answer_is_of_a_service_that_is_ready_or_of_one_that_is_not(
    service: BecomingReady, client: FlaskClient, path: str
) -> None:
    def answer_after(turn: Turn) -> tuple[int, Any]:
        service.models, service.readiness = service.pipeline().models, turn
        return answer_of(client, path)

    see_that_each_is_of_one_state(answer_after)


def test_service_in_memory_has_what_a_service_has() -> None:
    def public(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert public(Service) - public(MemoryService) == {"from_environment"}
