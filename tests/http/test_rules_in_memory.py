"""Rules of the HTTPS function over a store in memory: its documents, other sites, explanations, several images."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from types import SimpleNamespace
from typing import Any, cast

import PIL.Image
import pytest
from flask.testing import FlaskClient

from shared.errors import BadRequest, Busy, DamagedImage, StorageUnavailable
from shared.http import schema
from shared.http.classify_images import check_time, error_of_image
from shared.http.docs_page import page
from shared.http.protocols.explain import OcclusionWatch
from shared.http.route import Protocol, Route
from shared.http.router import PROTOCOLS
from shared.inference.classifier import Classifier
from tests.http.conftest import MakeClient, b64

HOST = "images.example.com"
EXPLAIN = "/v1/models/flowers:explain"


@pytest.fixture
def client(memory_client: MakeClient) -> FlaskClient:
    return memory_client()


# ---- Schemas and documents


def test_schema_of_an_array_has_its_minimum_and_example_only_where_there_is_one() -> None:
    assert schema.array_of(schema.TEXT) == {"type": "array", "items": schema.TEXT}
    assert schema.array_of(schema.TEXT, at_least=1) == {"type": "array", "items": schema.TEXT, "minItems": 1}
    assert schema.array_of(schema.TEXT, example=["a"])["examples"] == [["a"]]


def test_schema_of_an_object_requires_what_is_required() -> None:
    found = schema.object_of({"a": schema.TEXT}, b=schema.NUMBER)
    assert found == {"type": "object", "properties": {"a": schema.TEXT, "b": schema.NUMBER}, "required": ["a"]}


def test_schema_of_several_takes_any_of_them() -> None:
    assert schema.any_of(schema.TEXT, schema.NUMBER) == {"anyOf": [schema.TEXT, schema.NUMBER]}


def test_schema_example_of_an_image_is_one_pixel_and_not_empty() -> None:
    assert schema.IN_BASE64["minLength"] == 1
    [example] = schema.IN_BASE64["examples"]
    assert PIL.Image.open(BytesIO(b64decode(example))).size == (1, 1)


def test_openapi_document_has_every_route_and_no_other(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").get_json()["paths"]
    described = {(method.upper(), path) for path, item in paths.items() for method in item}
    assert described == {(route.method, route.path) for protocol in PROTOCOLS for route in protocol.routes}


def sections_of(html: str) -> dict[str, str]:
    """Return the text of each protocol's section, by its anchor."""
    return dict(re.findall(r'<section aria-labelledby="([\w-]+)">(.*?)</section>', html, re.DOTALL))


def test_docs_page_has_each_route_once_in_the_section_of_its_protocol(client: FlaskClient) -> None:
    answer = client.get("/docs", headers={"Host": HOST})
    sections = sections_of(answer.text)
    assert len(sections) == len(PROTOCOLS) + 1  # and how to try it
    for protocol in PROTOCOLS:
        [section] = [text for text in sections.values() if f">{protocol.name}</h2>" in text]
        assert re.findall(r"<b>(\w+)</b><code>(.*?)</code>", section) == [
            (route.method, route.path) for route in protocol.routes
        ]
        assert ("Specification</a>" in section) is bool(protocol.specification)
        for route in protocol.routes:
            if route.request_bodies:
                assert f" Takes {', '.join(route.request_bodies)}." in section
    assert f"curl --data-binary @photo.jpg http://{HOST}/v1/classify" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_docs_page_says_what_a_route_takes_only_where_it_takes_something(classifier: Classifier) -> None:
    def handler(_: object) -> str:
        return ""

    made = Protocol(name="made up", position=1, routes=(Route("GET", "/a", handler, "It reads.", schema.TEXT),))
    html, policy = page([(made, made.routes[0])], classifier.bundle.manifest, f"http://{HOST}/")
    assert "It reads.</small>" in html
    assert "Takes" not in html
    assert "Specification" not in html
    assert f"http://{HOST}/v1/classify" in html
    assert "style-src 'sha256-" in policy


# ---- Other sites


@pytest.mark.parametrize(
    ("headers", "is_fine"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://elsewhere.example"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": f"https://{HOST}"}, True),
        ({"Origin": f"http://{HOST}"}, True),
        ({"Origin": f"https://{HOST}:443"}, True),
        ({"Origin": f"https://{HOST}:8443"}, False),
        ({"Origin": f"https://{HOST}.evil.example"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "https://[evil"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "https://"}, False),
    ],
)
def test_request_of_another_sites_page_is_refused(client: FlaskClient, headers: dict[str, str], is_fine: bool) -> None:
    answer = client.post("/v1/classify", data=b"", headers={"Host": HOST, **headers})
    assert (answer.status_code != 403) is is_fine


@pytest.mark.parametrize(
    ("name", "is_fine"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("localhost:8080", True),
        ("127.0.0.1:8080", True),
        ("127.0.0.1:8081", False),
        ("127.0.0.1", False),
        ("[::1]:9000", True),
        ("localhost:x", False),
        ("evil.example", False),
        ("localhost@evil", False),
        ("[", False),
    ],
)
def test_host_that_is_not_listed_is_refused(memory_client: MakeClient, name: str, is_fine: bool) -> None:
    client = memory_client(ALLOWED_HOSTS="localhost,127.0.0.1:8080,[::1]")
    answer = client.get("/v1/models", environ_overrides={"HTTP_HOST": name})
    assert (answer.status_code == 200) is is_fine


# ---- Explanations


def test_explanation_of_one_image_is_json_or_a_picture(client: FlaskClient, daisy: bytes) -> None:
    [explained] = client.post(EXPLAIN, data=daisy).get_json()["explanations"]
    assert explained["label"] == "daisy"
    answer = client.post(EXPLAIN, data=daisy, headers={"Accept": "image/png"})
    assert (answer.status_code, answer.content_type) == (200, "image/png")
    assert PIL.Image.open(BytesIO(answer.data)).format == "PNG"


def test_explanation_of_nothing_or_of_several_as_a_picture_is_refused(client: FlaskClient, daisy: bytes) -> None:
    empty = client.post(EXPLAIN, data=b"", content_type="image/png")
    assert (empty.status_code, "0 bytes" in empty.text) == (400, True)
    several = {"instances": [{"b64": b64(daisy)}] * 2}
    assert client.post(EXPLAIN, json=several).status_code == 200
    as_picture = client.post(EXPLAIN, json=several, headers={"Accept": "image/png"})
    assert (as_picture.status_code, "has 2 images, expected one" in as_picture.text) == (400, True)
    unknown = client.post(f"{EXPLAIN}?label=cats", data=daisy)
    assert (unknown.status_code, "expected one of" in unknown.text) == (400, True)


@pytest.fixture
def watch() -> Iterator[tuple[OcclusionWatch, SimpleNamespace]]:
    """A watch over an occlusion, and the context whose time it looks at."""
    context = SimpleNamespace(seconds_left=1e9, service=SimpleNamespace(settings=SimpleNamespace(max_request_s=60)))
    with OcclusionWatch(cast("Any", context)) as made:
        yield made, context


def test_occlusion_goes_on_while_there_is_time_and_ends_with_408(
    watch: tuple[OcclusionWatch, SimpleNamespace],
) -> None:
    told, context = watch
    told(0, 64)
    told(1, 64)
    context.seconds_left = 0
    with pytest.raises(BadRequest, match="takes 64 runs of it") as refused:
        told(1, 64)
    assert refused.value.http_status == 408


def test_occlusion_beside_another_one_is_told_to_come_back(watch: tuple[OcclusionWatch, SimpleNamespace]) -> None:
    told, context = watch
    told(0, 64)
    with OcclusionWatch(cast("Any", context)) as second, pytest.raises(Busy):
        second(0, 64)


# ---- Several images


@pytest.mark.parametrize(
    ("index", "left_s", "fits"), [(0, 0.0, True), (1, 0.5, True), (1, 0.0, False), (2, 0.0, False)]
)
def test_image_after_the_first_is_begun_only_while_there_is_time(index: int, left_s: float, fits: bool) -> None:
    settings = SimpleNamespace(max_request_s=60)
    context = cast("Any", SimpleNamespace(seconds_left=left_s, service=SimpleNamespace(settings=settings)))
    if fits:
        check_time(context, index)
    else:
        with pytest.raises(BadRequest, match=f"after {index} of the images") as refused:
            check_time(context, index)
        assert refused.value.http_status == 408


def test_error_names_its_image_only_among_several() -> None:
    damaged, bad = DamagedImage("It is damaged."), BadRequest("It is bad.", 413, "too_many_images")
    assert error_of_image(damaged, 0, 1) is damaged
    among = error_of_image(damaged, 1, 3)
    assert (type(among), str(among)) == (DamagedImage, "Image 2 of 3: It is damaged.")
    refused = error_of_image(bad, 0, 2)
    assert isinstance(refused, BadRequest)
    assert (str(refused), refused.http_status, refused.reason) == ("Image 1 of 2: It is bad.", 413, "too_many_images")
    away = StorageUnavailable("It does not answer.")
    assert error_of_image(away, 1, 3) is away


# ---- States and declarations


def test_health_and_server_answer_what_the_service_is(client: FlaskClient) -> None:
    assert client.get("/v2/health/live").get_json() == {"live": True}
    assert client.get("/v2/health/ready").get_json() == {"ready": True, "live": True}
    server = client.get("/v2").get_json()
    assert (server["name"], server["version"]) == ("bucketlens", "local")


def test_routes_declare_each_error_once_and_only_those_that_the_service_answers() -> None:
    answered = {400, 401, 403, 404, 408, 409, 411, 413, 415, 422, 429, 500, 503}
    for protocol in PROTOCOLS:
        for route in protocol.routes:
            assert len(set(route.error_statuses)) == len(route.error_statuses), route.path
            assert set(route.error_statuses) <= answered, route.path
