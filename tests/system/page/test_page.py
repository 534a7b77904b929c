"""The answers of ``GET /`` to browsers and to other clients, without a browser."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import functions_framework
import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.http.page import files
from shared.http.page.page import PageModel, content_security_policy, in_words, page_of, paragraphs
from tests.worlds import World

MAIN = Path(__file__).parents[3] / "functions" / "classify_request" / "main.py"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}
MODEL = PageModel("flowers", "1", ("a", "b"), 0.5)


class Parts(HTMLParser):
    """A parser that collects a document's attributes, and the texts of its style and script elements."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.attributes: list[tuple[str, str | None]] = []
        self._inside = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        if self._inside in ("style", "script"):
            self.texts[self._inside] = self.texts.get(self._inside, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


@pytest.fixture
def client(world: World, with_environment: Callable[[dict[str, str]], None]) -> FlaskClient:
    with_environment(world.environment)
    app: Flask = functions_framework.create_app("classify_request", str(MAIN), "http")
    return app.test_client()


def test_page_is_sent_to_a_browser(client: FlaskClient) -> None:
    answer = client.get("/", headers=BROWSER)
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    assert "daisy, dandelion, roses, sunflowers or tulips" in answer.text


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/html;q=0, */*", "image/*"])
def test_page_is_not_sent_to_clients_that_do_not_accept_html(client: FlaskClient, accept: str | None) -> None:
    answer = client.get("/", headers={"Accept": accept} if accept else {})
    assert answer.content_type == "application/json"


@pytest.mark.parametrize(("method", "path"), [("POST", "/"), ("GET", "/v1/classify"), ("GET", "/v2/health/live")])
def test_page_leaves_other_requests_to_the_function(client: FlaskClient, method: str, path: str) -> None:
    assert client.open(path, method=method, headers=BROWSER, data=b"x").content_type == "application/json"


def test_page_is_revalidated_each_time_and_sent_only_when_new(client: FlaskClient) -> None:
    first = client.get("/", headers=BROWSER)
    assert "no-cache" in first.headers["Cache-Control"]
    assert first.headers["Vary"] == "Accept"
    again = client.get("/", headers={**BROWSER, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]
    assert client.get("/", headers={**BROWSER, "If-None-Match": '"another"'}).status_code == 200


def test_page_answers_head_as_get_without_the_body(client: FlaskClient) -> None:
    got, head = client.get("/", headers=BROWSER), client.head("/", headers=BROWSER)
    assert (head.status_code, head.data) == (200, b"")
    assert dict(head.headers) == dict(got.headers)


def test_page_policy_allows_only_its_own_style_and_script(
    client: FlaskClient,
) -> None:
    answer = client.get("/", headers=BROWSER)
    texts = Parts(answer.text).texts
    policy = answer.headers["Content-Security-Policy"]
    assert policy == content_security_policy(style=texts["style"], script=texts["script"])
    allowed = dict(directive.split(" ", 1) for directive in policy.split("; "))
    assert allowed["default-src"] == allowed["base-uri"] == allowed["form-action"] == "'none'"
    assert allowed["frame-ancestors"] == "'none'"
    assert allowed["connect-src"] == "'self'"
    assert not any(word in policy for word in ("unsafe", "http", "*"))


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ],
)
def test_page_headers_isolate_it_from_other_sites(client: FlaskClient, header: str, value: str) -> None:
    assert client.get("/", headers=BROWSER).headers[header] == value


def test_page_names_no_other_site_and_has_no_inline_handler() -> None:
    attributes = Parts(page_of(Flask("test"), (MODEL,), history=False)).attributes
    assert not [name for name, _ in attributes if name.startswith("on") or name == "style"]
    assert not [value for _, value in attributes if value and value.startswith(("http:", "https:", "//"))]


def test_page_links_have_targets(client: FlaskClient) -> None:
    answer = client.get("/", headers=BROWSER)
    links = [value for name, value in Parts(answer.text).attributes if name == "href" and value]
    elsewhere = [link for link in links if not link.startswith(("#", "data:"))]
    assert elsewhere == ["./", "docs"]
    assert client.get("/docs", headers=BROWSER).status_code == 200


def test_page_shows_texts_of_a_bundle_as_text_and_never_as_html() -> None:
    hostile = "<script>alert(1)</script>"
    model = PageModel(hostile, '"><b>', (hostile, "{{ 7 * 7 }}"), 0.5, hostile, (hostile,))
    document = page_of(Flask("test"), (model, MODEL), history=True)
    assert hostile not in document
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in document
    assert "{{ 7 * 7 }}" in document


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        pytest.param(("a",), "a", id="one"),
        pytest.param(("a", "b", "c"), "a, b or c", id="few"),
        pytest.param(tuple("abcdefgh"), "a, b, c, d, e, f and 2 more", id="many"),
    ],
)
def test_page_lists_labels_in_words(labels: tuple[str, ...], words: str) -> None:
    assert in_words(labels) == words


@pytest.mark.parametrize("name", files.SCRIPTS)
def test_page_script_parts_are_short(name: str) -> None:
    assert len(files.read(name).splitlines()) <= 160


def test_page_includes_every_script_and_style_of_the_folder() -> None:
    present = {path.name for pattern in ("*.js", "*.css") for path in files.FOLDER.glob(pattern)}
    assert present == {*files.SCRIPTS, *files.STYLES, "docs.css"}


def test_page_limits_are_paragraphs_without_markdown() -> None:
    assert paragraphs("**No medical\ndevice.** See:\n\n- **adults**, and\n  others;\n- cats.\n") == (
        "No medical device. See:",
        "adults, and others;",
        "cats.",
    )
    assert paragraphs("") == ()
