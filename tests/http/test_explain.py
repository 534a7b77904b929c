"""``:explain`` returns the predictions of ``:predict``, and where in the picture the model sees them."""

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
    """A wide PNG with a sunflower in its lower right corner."""
    canvas = Image.new("RGB", (800, 600), (128, 128, 128))
    canvas.paste(drawings()["sunflowers"].resize((260, 260)), (410, 320))
    content = BytesIO()
    canvas.save(content, "PNG")
    return content.getvalue()


def test_explain_predicts_as_predict_does_and_maps_the_flower(url: str, corner: bytes) -> None:
    body = {"instances": [{"b64": b64(corner)}]}
    answer = ask(url, body)
    predicted = ask(url, body, f"{MODEL}:predict", params={"record": "false"})

    assert answer.status_code == 200
    assert answer.json()["predictions"] == predicted.json()["predictions"]
    [heatmap] = answer.json()["explanations"]
    assert (heatmap["label"], heatmap["method"]) == ("sunflowers", "cam")
    assert heatmap["image"] == {"height_px": 600, "width_px": 800}
    heat = np.array(heatmap["values"])
    assert heat.shape == (heatmap["height"], heatmap["width"]) == (42, 56)
    assert (heat.min(), heat.max()) == (0, pytest.approx(1, abs=0.05))
    rows, columns = np.indices(heat.shape)
    assert (heat * rows).sum() / heat.sum() > 21
    assert (heat * columns).sum() / heat.sum() > 28


def test_explain_takes_a_raw_image(url: str, corner: bytes) -> None:
    as_instance = ask(url, {"instances": [{"b64": b64(corner)}]}).json()
    for content_type in ("image/png", "application/octet-stream", "application/x-www-form-urlencoded"):
        assert ask(url, corner, headers={"Content-Type": content_type}).json() == as_instance


def test_explain_takes_instances_without_a_content_type(url: str, corner: bytes) -> None:
    body = json.dumps({"instances": [{"b64": b64(corner)}]}).encode()
    assert len(ask(url, body).json()["explanations"]) == 1


def test_explain_answers_each_kind_of_instance_with_its_shape_and_map(url: str, daisy: bytes, tulips: bytes) -> None:
    body = {
        "instances": [
            {"image_bytes": {"b64": b64(image)}, "key": str(index)} for index, image in enumerate((daisy, tulips))
        ]
    }
    answer = ask(url, body).json()

    assert [prediction["key"] for prediction in answer["predictions"]] == ["0", "1"]
    assert [explanation["label"] for explanation in answer["explanations"]] == ["daisy", "tulips"]
    in_columns = ask(url, {"inputs": {"image_bytes": [{"b64": b64(daisy)}]}}).json()
    assert set(in_columns) == {"outputs", "explanations"}


@pytest.mark.parametrize("path", [f"{MODEL}/versions/1:explain", f"{MODEL}/labels/stable:explain"])
def test_explain_takes_versions_and_their_aliases(url: str, daisy: bytes, path: str) -> None:
    assert ask(url, daisy, path).json()["explanations"][0]["label"] == "daisy"


def test_explain_maps_the_requested_label(url: str, daisy: bytes) -> None:
    default, other = (ask(url, daisy, params=params).json() for params in ({}, {"label": "tulips"}))

    assert other["predictions"] == default["predictions"]
    [of_other], [of_default] = other["explanations"], default["explanations"]
    assert (of_other["label"], of_default["label"]) == ("tulips", "daisy")
    assert of_other["score"] < 0.5 < of_default["score"]
    assert of_other["values"] != of_default["values"]


def test_explain_refuses_an_unknown_label_and_lists_the_labels(url: str, daisy: bytes) -> None:
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
def test_explain_answers_one_image_with_the_heatmap_over_it(
    url: str, corner: bytes, params: dict[str, str], headers: dict[str, str]
) -> None:
    for body in (corner, {"instances": [{"b64": b64(corner)}]}):
        answer = ask(url, body, params=params, headers=headers)
        assert answer.headers["Content-Type"] == "image/png"
        picture = Image.open(BytesIO(answer.content))
        assert (picture.format, picture.size, picture.mode) == ("PNG", (800, 600), "RGB")


def test_explain_reduces_a_large_picture(url: str) -> None:
    content = BytesIO()
    drawings()["daisy"].resize((3000, 2000)).save(content, "JPEG")
    answer = ask(url, content.getvalue(), params={"as": "png"})

    assert Image.open(BytesIO(answer.content)).size == (1024, 683)


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", "application/json, image/png"])
def test_explain_answers_json_unless_a_picture_is_preferred(url: str, daisy: bytes, accept: str) -> None:
    assert ask(url, daisy, headers={"Accept": accept}).headers["Content-Type"] == "application/json"


def test_explain_refuses_an_invalid_request_with_a_reason(url: str, daisy: bytes) -> None:
    two = {"instances": [{"b64": b64(daisy)}] * 2}
    refused = {
        "no body": (ask(url, b""), 400, "body is empty"),
        "two as one picture": (ask(url, two, params={"as": "png"}), 400, "expected one for an answer as PNG"),
        "an unknown form": (ask(url, daisy, params={"as": "gif"}), 400, "expected json or png"),
        "no image": (ask(url, b"no picture"), 415, "supported image format"),
        "no instances": (ask(url, {"instances": []}), 400, "no image"),
        "too many": (ask(url, {"instances": [{"b64": ""}] * 17}), 413, "at most 16"),
        "an image of several": (ask(url, {"instances": [{"b64": b64(daisy)}, {"b64": "eA=="}]}), 415, "Image 2 of 2"),
        "another model": (ask(url, daisy, "/v1/models/cats:explain"), 404, "not served"),
        "another version": (ask(url, daisy, f"{MODEL}/versions/7:explain"), 404, "not served"),
    }
    for answer, status, sentence in refused.values():
        assert (answer.status_code, list(answer.json())) == (status, ["error"])
        assert sentence in answer.json()["error"]


def test_explain_has_the_limits_of_predict(url: str, daisy: bytes) -> None:
    values = requests.post(f"{url}{MODEL}:explain", data=b"[" + b"{}," * 500_000 + b"{}]", timeout=30)
    assert (values.status_code, "values" in values.json()["error"]) == (413, True)
    assert ask(url, daisy, headers={"Content-Encoding": "gzip"}).status_code == 415
    assert ask(url, b"0" * (33 << 20)).status_code == 413


@pytest.mark.parametrize("body", [b"{", b"[]", b"[" * 100_000, b'{"a":' * 10_000, b'{"instances": 7}'])
def test_explain_refuses_json_without_instances(url: str, body: bytes) -> None:
    answer = ask(url, body)

    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


def test_explain_records_nothing(url: str, cloud: Cloud) -> None:
    content = BytesIO()
    drawings()["roses"].rotate(11).save(content, "PNG")  # a picture that no other test sends
    before = _archived(cloud)

    assert ask(url, content.getvalue(), params={"record": "true"}).status_code == 200
    assert ask(url, content.getvalue(), params={"as": "png"}).status_code == 200

    assert _archived(cloud) == before


def _archived(cloud: Cloud) -> int:
    warehouse = BigQuery(PROJECT, DATASET, DEADLINE_S, endpoint=cloud.url("warehouse"))
    return int(warehouse.query("SELECT COUNT(*) AS count FROM predictions").rows[0]["count"])


def test_openapi_document_describes_explain(url: str) -> None:
    paths = requests.get(f"{url}/openapi.json", timeout=30).json()["paths"]
    operation = paths["/v1/models/{model}:explain"]["post"]

    assert {"application/json", "image/*"} < set(operation["requestBody"]["content"])
    assert set(operation["responses"]["200"]["content"]) == {"application/json", "image/png"}
    queries = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"}
    assert queries == {"label", "as"}  # and not record
