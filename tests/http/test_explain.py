"""``:explain`` answers what ``:predict`` answers, and where in the picture the model sees it."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from shared.adapters.bigquery import BigQuery
from shared.local.cloud import DATASET, PROJECT, Cloud
from shared.local.demo.drawings import drawings
from tests.conftest import DEADLINE_S
from tests.http.conftest import b64

MODEL = "/v1/models/flowers"


def ask(url: str, body: dict[str, Any] | bytes, path: str = f"{MODEL}:explain", **options: Any) -> requests.Response:
    if isinstance(body, bytes):
        return requests.post(url + path, body, timeout=60, **options)
    return requests.post(url + path, json=body, timeout=60, **options)


@pytest.fixture(scope="module")
def corner() -> bytes:
    """A PNG, wide, with a sunflower in its lower right."""
    canvas = Image.new("RGB", (800, 600), (128, 128, 128))
    canvas.paste(drawings()["sunflowers"].resize((260, 260)), (410, 320))
    content = BytesIO()
    canvas.save(content, "PNG")
    return content.getvalue()


def test_predictions_are_those_of_predict_and_the_map_lies_on_the_flower(url: str, corner: bytes) -> None:
    body = {"instances": [{"b64": b64(corner)}]}
    answer = ask(url, body)
    predicted = ask(url, body, f"{MODEL}:predict", params={"record": "false"})

    assert answer.status_code == 200
    assert answer.json()["predictions"] == predicted.json()["predictions"]
    [found] = answer.json()["explanations"]
    assert (found["label"], found["method"]) == ("sunflowers", "cam")
    assert found["image"] == {"height_px": 600, "width_px": 800}
    heat = np.array(found["values"])
    assert heat.shape == (found["height"], found["width"]) == (42, 56)
    assert (heat.min(), heat.max()) == (0, pytest.approx(1, abs=0.05))
    rows, columns = np.indices(heat.shape)
    assert (heat * rows).sum() / heat.sum() > 21
    assert (heat * columns).sum() / heat.sum() > 28


def test_an_image_may_come_as_it_is(url: str, corner: bytes) -> None:
    as_instance = ask(url, {"instances": [{"b64": b64(corner)}]}).json()
    for content_type in ("image/png", "application/octet-stream", "application/x-www-form-urlencoded"):
        assert ask(url, corner, headers={"Content-Type": content_type}).json() == as_instance


def test_instances_need_no_content_type_as_with_predict(url: str, corner: bytes) -> None:
    body = json.dumps({"instances": [{"b64": b64(corner)}]}).encode()
    assert len(ask(url, body).json()["explanations"]) == 1


def test_each_kind_of_instance_has_its_shape_and_each_image_its_map(url: str, daisy: bytes, tulips: bytes) -> None:
    body = {"instances": [{"image_bytes": {"b64": b64(one)}, "key": str(at)} for at, one in enumerate((daisy, tulips))]}
    answer = ask(url, body).json()

    assert [one["key"] for one in answer["predictions"]] == ["0", "1"]
    assert [one["label"] for one in answer["explanations"]] == ["daisy", "tulips"]
    in_columns = ask(url, {"inputs": {"image_bytes": [{"b64": b64(daisy)}]}}).json()
    assert set(in_columns) == {"outputs", "explanations"}


@pytest.mark.parametrize("path", [f"{MODEL}/versions/1:explain", f"{MODEL}/labels/stable:explain"])
def test_versions_and_their_labels_are_explained_too(url: str, daisy: bytes, path: str) -> None:
    assert ask(url, daisy, path).json()["explanations"][0]["label"] == "daisy"


def test_another_label_is_explained_where_it_is_asked_for(url: str, daisy: bytes) -> None:
    given, other = (ask(url, daisy, params=params).json() for params in ({}, {"label": "tulips"}))

    assert other["predictions"] == given["predictions"]
    [of_other], [of_given] = other["explanations"], given["explanations"]
    assert (of_other["label"], of_given["label"]) == ("tulips", "daisy")
    assert of_other["score"] < 0.5 < of_given["score"]
    assert of_other["values"] != of_given["values"]


def test_an_unknown_label_is_refused_and_the_labels_are_named(url: str, daisy: bytes) -> None:
    answer = ask(url, daisy, params={"label": "cat"})

    assert answer.status_code == 400
    assert answer.json() == {
        "error": "The label is 'cat', expected one of: daisy, dandelion, roses, sunflowers, tulips."
    }


@pytest.mark.parametrize(
    ("params", "headers"),
    [
        pytest.param({"as": "png"}, {}, id="by the query"),
        pytest.param({}, {"Accept": "image/png"}, id="by Accept"),
        pytest.param({}, {"Accept": "image/png, application/json;q=0.5"}, id="by preference"),
    ],
)
def test_one_image_can_be_answered_with_the_map_over_it(
    url: str, corner: bytes, params: dict[str, str], headers: dict[str, str]
) -> None:
    for body in (corner, {"instances": [{"b64": b64(corner)}]}):
        answer = ask(url, body, params=params, headers=headers)
        assert answer.headers["Content-Type"] == "image/png"
        picture = Image.open(BytesIO(answer.content))
        assert (picture.format, picture.size, picture.mode) == ("PNG", (800, 600), "RGB")


def test_a_large_picture_is_answered_with_a_smaller_one(url: str) -> None:
    content = BytesIO()
    drawings()["daisy"].resize((3000, 2000)).save(content, "JPEG")
    answer = ask(url, content.getvalue(), params={"as": "png"})

    assert Image.open(BytesIO(answer.content)).size == (1024, 683)


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", "application/json, image/png"])
def test_without_a_wish_for_a_picture_the_answer_is_json(url: str, daisy: bytes, accept: str) -> None:
    assert ask(url, daisy, headers={"Accept": accept}).headers["Content-Type"] == "application/json"


def test_what_cannot_be_answered_is_refused_with_a_sentence(url: str, daisy: bytes) -> None:
    two = {"instances": [{"b64": b64(daisy)}] * 2}
    refused = {
        "no body": (ask(url, b""), 400, "body is empty"),
        "two as one picture": (ask(url, two, params={"as": "png"}), 400, "expected one where the answer is a picture"),
        "an unknown form": (ask(url, daisy, params={"as": "gif"}), 400, "expected json or png"),
        "no image": (ask(url, b"no picture"), 415, "no image format"),
        "no instances": (ask(url, {"instances": []}), 400, "no image"),
        "too many": (ask(url, {"instances": [{"b64": ""}] * 17}), 413, "at most 16"),
        "an image of several": (ask(url, {"instances": [{"b64": b64(daisy)}, {"b64": "eA=="}]}), 415, "Image 2 of 2"),
        "another model": (ask(url, daisy, "/v1/models/cats:explain"), 404, "not served"),
        "another version": (ask(url, daisy, f"{MODEL}/versions/7:explain"), 404, "not served"),
    }
    for answer, status, sentence in refused.values():
        assert (answer.status_code, list(answer.json())) == (status, ["error"])
        assert sentence in answer.json()["error"]


def test_the_limits_are_those_of_predict(url: str, daisy: bytes) -> None:
    values = requests.post(f"{url}{MODEL}:explain", data=b"[" + b"{}," * 500_000 + b"{}]", timeout=30)
    assert (values.status_code, "values" in values.json()["error"]) == (413, True)
    assert ask(url, daisy, headers={"Content-Encoding": "gzip"}).status_code == 415
    assert ask(url, b"0" * (33 << 20)).status_code == 413


@pytest.mark.parametrize("body", [b"{", b"[]", b"[" * 100_000, b'{"a":' * 10_000, b'{"instances": 7}'])
def test_json_that_is_no_object_of_instances_is_refused(url: str, body: bytes) -> None:
    answer = ask(url, body)

    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


def test_nothing_is_recorded(url: str, cloud: Cloud) -> None:
    content = BytesIO()
    drawings()["roses"].rotate(11).save(content, "PNG")  # a picture that no other test sends
    before = _archived(cloud)

    assert ask(url, content.getvalue(), params={"record": "true"}).status_code == 200
    assert ask(url, content.getvalue(), params={"as": "png"}).status_code == 200

    assert _archived(cloud) == before


def _archived(cloud: Cloud) -> int:
    warehouse = BigQuery(PROJECT, DATASET, DEADLINE_S, endpoint=cloud.url("warehouse"))
    return int(warehouse.query("SELECT COUNT(*) AS count FROM predictions").rows[0]["count"])


def test_the_document_says_what_it_takes_and_gives(url: str) -> None:
    paths = requests.get(f"{url}/openapi.json", timeout=30).json()["paths"]
    operation = paths["/v1/models/{model}:explain"]["post"]

    assert {"application/json", "image/*"} < set(operation["requestBody"]["content"])
    assert set(operation["responses"]["200"]["content"]) == {"application/json", "image/png"}
    asked = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
    assert asked == {"label", "as"}  # no record: nothing is
