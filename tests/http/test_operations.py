"""Routes for operators: the OpenAPI document, the page of routes, and the metrics."""

from __future__ import annotations

import inspect
import re
from html.parser import HTMLParser

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from shared.http.router import PROTOCOLS
from tests.imports import OF_THE_EDGES, loaded_by


def document(url: str) -> dict[str, dict[str, dict[str, object]]]:
    answer = requests.get(f"{url}/openapi.json", timeout=30)
    return dict(answer.json())


def samples(url: str) -> dict[tuple[str, ...], float]:
    text = requests.get(f"{url}/metrics", timeout=30).text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_openapi_document_has_exactly_the_routes(url: str) -> None:
    described = {(method.upper(), path) for path, item in document(url)["paths"].items() for method in item}
    assert described == {(route.method, route.path) for protocol in PROTOCOLS for route in protocol.routes}


def test_route_handler_takes_the_parts_of_its_path() -> None:
    for protocol in PROTOCOLS:
        for route in protocol.routes:
            parts = set(re.findall(r"{(\w+)}", route.path))
            signature = inspect.signature(route.handler)
            signature.bind(None, **dict.fromkeys(parts, ""))


def test_start_imports_nothing_that_only_some_requests_need() -> None:
    """A start must be short, and functions-framework forks after the imports."""
    later = ("prometheus_client", "shared.http.openapi", "shared.http.docs_page", *OF_THE_EDGES)
    assert loaded_by("import shared.http.router", later) == []


def test_other_methods_than_get_and_post_are_refused_with_allow(url: str) -> None:
    for protocol in PROTOCOLS:
        for path in {route.path for route in protocol.routes if not route.path.startswith("/v2/health")}:
            filled_path = path.format(
                model="flowers", version="1", label="stable", id="0" * 64, project="p", location="l", endpoint="e"
            )
            allowed = {route.method for route in protocol.routes if route.path == path}
            answer = requests.delete(url + filled_path, timeout=30)
            assert answer.status_code == 405, path
            assert set(answer.headers["Allow"].split(", ")) - {"HEAD"} == allowed


def test_healthz_does_not_exist(url: str) -> None:
    """Cloud Run reserves the path and answers it itself."""
    assert requests.get(f"{url}/healthz", timeout=30).status_code == 404


def test_docs_page_shows_every_route_and_loads_nothing_else(url: str) -> None:
    answer = requests.get(f"{url}/docs", timeout=30)
    fetched: list[str] = []

    class Page(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag not in ("script", "img", "iframe", "link", "form")
            fetched.extend(value or "" for name, value in attrs if name in ("src", "srcset", "style"))

    Page().feed(answer.text)
    assert fetched == []
    assert "url(" not in answer.text
    assert "@import" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert all(route.path in answer.text for protocol in PROTOCOLS for route in protocol.routes)


def test_metrics_count_requests_images_and_steps(url: str, daisy: bytes) -> None:
    predicted, refused = (
        ("bucketlens_images_total", "Bucketlens", "predicted"),
        ("bucketlens_images_total", "Bucketlens", "not_an_image"),
    )
    before = samples(url)
    for content in (daisy, b"a list", daisy):
        requests.post(f"{url}/v1/classify?record=false", data=content, timeout=30)
    after = samples(url)
    change = {key: after[key] - before.get(key, 0) for key in after}
    assert (change[predicted], change[refused]) == (2, 1)
    assert change["bucketlens_requests_total", "POST", "/v1/classify", "200"] == 2
    assert change["bucketlens_requests_total", "POST", "/v1/classify", "415"] == 1
    assert change["bucketlens_step_seconds_count", "decode"] == 2
    assert change["bucketlens_request_seconds_bucket", "+Inf", "/v1/classify"] == 3
    assert after["bucketlens_requests_in_flight",] == 1  # the request for the metrics
    assert after["process_resident_memory_bytes",] > 1 << 20


def test_metrics_have_no_label_for_an_undeclared_path(url: str) -> None:
    requests.get(f"{url}/some/scanner.php", timeout=30)
    assert not [key for key in samples(url) if any("scanner" in part for part in key)]


def test_metrics_count_undeclared_methods_as_one(url: str) -> None:
    """A client can invent any number of methods, and each would be a new time series."""
    before = len(samples(url))
    for method in ("AAAA", "AAAB", "PROPFIND", "X-Y", "patch"):
        requests.request(method, f"{url}/v1/classify", timeout=30)
        requests.request(method, f"{url}/v2/models/{method}", timeout=30)
    after = samples(url)
    methods = {key[1] for key in after if key[0] == "bucketlens_requests_total"}
    assert methods <= {"GET", "HEAD", "POST", "other"}
    assert "other" in methods
    assert len(after) - before < 30


@pytest.mark.parametrize(
    ("path", "shape"),
    [("/nowhere", dict), ("/v2/models/a/b/c", str), ("/v1/models/a:b/c", str), ("/v1/projects/p/x", dict)],
)
def test_unknown_path_error_has_the_shape_of_the_nearest_protocol(url: str, path: str, shape: type) -> None:
    answer = requests.get(url + path, timeout=30)
    assert answer.status_code == 404
    assert isinstance(answer.json()["error"], shape)
