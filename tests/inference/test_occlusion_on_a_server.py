"""A model without a feature map is explained by the server too, one picture at a time and never past its time."""

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


def exchange(seconds_left: float) -> Any:
    """The part of a request that is asked how long it may take."""
    return SimpleNamespace(
        seconds_left=seconds_left, service=SimpleNamespace(settings=SimpleNamespace(max_request_s=30))
    )


def test_a_picture_is_explained_by_occlusion_and_the_turn_given_back(client: FlaskClient) -> None:
    content = BytesIO()
    PIL.Image.fromarray(flower_in("lower left")).save(content, "PNG")
    for _ in range(2):
        answer = client.post("/v1/models/flowers:explain", data=content.getvalue(), content_type="image/png")
        assert answer.status_code == 200
        [found] = answer.get_json()["explanations"]
        assert (found["method"], found["label"]) == ("occlusion", "sunflowers")
        assert corner_of(np.array(found["values"], np.float32)) == "lower left"


def test_what_would_take_too_long_is_refused_as_soon_as_that_is_known() -> None:
    with OcclusionWatch(exchange(seconds_left=0)) as watch:
        watch(0, CELLS * CELLS)
        with pytest.raises(BadRequest, match=r"takes 64 runs of it.*bucketlens classify --explain") as refused:
            watch(1, CELLS * CELLS)

    assert refused.value.http_status == 408


def test_what_has_time_is_let_go_on() -> None:
    with OcclusionWatch(exchange(seconds_left=1e9)) as watch:
        for done in range(CELLS * CELLS):
            watch(done, CELLS * CELLS)


def test_a_second_one_at_the_same_time_is_sent_away_and_comes_in_later() -> None:
    with OcclusionWatch(exchange(1e9)) as first, OcclusionWatch(exchange(1e9)) as second:
        first(0, 64)
        with pytest.raises(Busy):
            second(0, 64)
        first(1, 64)
    with OcclusionWatch(exchange(1e9)) as third:
        third(0, 64)
