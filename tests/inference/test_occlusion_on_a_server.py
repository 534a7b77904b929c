"""The server explains a model without a feature map, one picture at a time and within the request's deadline."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import functions_framework
import numpy as np
import PIL.Image
import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.errors import BadRequest, Busy
from shared.http.protocols.explain import OcclusionWatch
from shared.inference.explain import CELLS
from tests.inference.pictures import corner_of, flower_in
from tests.worlds import World

MAIN = Path(__file__).parents[2] / "functions" / "classify_request" / "main.py"


@pytest.fixture
def client(world: World, plain_folder: Path, with_environment: Callable[[dict[str, str]], None]) -> FlaskClient:
    with_environment(world.environment | {"MODEL_BUNDLE": str(plain_folder)})
    app: Flask = functions_framework.create_app("classify_request", str(MAIN), "http")
    return app.test_client()


def request_context(seconds_left: float) -> Any:
    """Return the part of a request context that an occlusion reads: the time left and the settings."""
    return SimpleNamespace(
        seconds_left=seconds_left, service=SimpleNamespace(settings=SimpleNamespace(max_request_s=30))
    )


def test_server_explains_by_occlusion_and_releases_the_slot(client: FlaskClient) -> None:
    content = BytesIO()
    PIL.Image.fromarray(flower_in("lower left")).save(content, "PNG")
    for _ in range(2):
        answer = client.post("/v1/models/flowers:explain", data=content.getvalue(), content_type="image/png")
        assert answer.status_code == 200
        [explanation] = answer.get_json()["explanations"]
        assert (explanation["method"], explanation["label"]) == ("occlusion", "sunflowers")
        assert corner_of(np.array(explanation["values"], np.float32)) == "lower left"


def test_occlusion_watch_refuses_what_would_take_too_long() -> None:
    with OcclusionWatch(request_context(seconds_left=0)) as watch:
        watch(0, CELLS * CELLS)
        with pytest.raises(BadRequest, match=r"takes 64 runs of it.*bucketlens classify --explain") as refused:
            watch(1, CELLS * CELLS)

    assert refused.value.http_status == 408


def test_occlusion_watch_lets_every_run_pass_in_time() -> None:
    with OcclusionWatch(request_context(seconds_left=1e9)) as watch:
        for done in range(CELLS * CELLS):
            watch(done, CELLS * CELLS)


def test_occlusion_watch_refuses_a_second_occlusion_meanwhile() -> None:
    with OcclusionWatch(request_context(1e9)) as first, OcclusionWatch(request_context(1e9)) as second:
        first(0, 64)
        with pytest.raises(Busy):
            second(0, 64)
        first(1, 64)
    with OcclusionWatch(request_context(1e9)) as third:
        third(0, 64)
