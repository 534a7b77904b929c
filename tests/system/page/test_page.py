"""What ``GET /`` answers to whom, without a browser."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import functions_framework
import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.http.page import files
from shared.http.page.page import OnPage, content_security_policy, in_words, page_of, paragraphs
from tests.worlds import World

MAIN = Path(__file__).parents[3] / "functions" / "classify_request" / "main.py"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}
MODEL = OnPage("flowers", "1", ("a", "b"), 0.5)


class Parts(HTMLParser):
    """The texts of style and script elements, and every attribute, of a document."""

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


def test_a_browser_gets_the_page(client: FlaskClient) -> None:
    answer = client.get("/", headers=BROWSER)
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    assert "daisy, dandelion, roses, sunflowers or tulips" in answer.text


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/html;q=0, */*", "image/*"])
def test_who_does_not_ask_for_html_gets_what_the_function_answers(client: FlaskClient, accept: str | None) -> None:
    answer = client.get("/", headers={"Accept": accept} if accept else {})
    assert answer.content_type == "application/json"


@pytest.mark.parametrize(("method", "path"), [("POST", "/"), ("GET", "/v1/classify"), ("GET", "/v2/health/live")])
def test_everything_else_is_left_to_the_function(client: FlaskClient, method: str, path: str) -> None:
    assert client.open(path, method=method, headers=BROWSER, data=b"x").content_type == "application/json"


def test_the_page_is_asked_for_each_time_and_sent_only_when_it_is_new(client: FlaskClient) -> None:
    first = client.get("/", headers=BROWSER)
    assert "no-cache" in first.headers["Cache-Control"]
    assert first.headers["Vary"] == "Accept"
    again = client.get("/", headers={**BROWSER, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]
    assert client.get("/", headers={**BROWSER, "If-None-Match": '"another"'}).status_code == 200


def test_head_is_answered_as_get_without_the_body(client: FlaskClient) -> None:
    got, head = client.get("/", headers=BROWSER), client.head("/", headers=BROWSER)
    assert (head.status_code, head.data) == (200, b"")
    assert dict(head.headers) == dict(got.headers)


def test_the_policy_allows_the_style_and_the_script_of_the_document_and_nothing_from_elsewhere(
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
def test_the_page_is_closed_to_other_sites(client: FlaskClient, header: str, value: str) -> None:
    assert client.get("/", headers=BROWSER).headers[header] == value


def test_the_document_names_no_other_site_and_has_no_inline_handler_or_style() -> None:
    attributes = Parts(page_of(Flask("test"), (MODEL,), history=False)).attributes
    assert not [name for name, _ in attributes if name.startswith("on") or name == "style"]
    assert not [value for _, value in attributes if value and value.startswith(("http:", "https:", "//"))]


def test_every_link_of_the_document_leads_somewhere(client: FlaskClient) -> None:
    answer = client.get("/", headers=BROWSER)
    links = [value for name, value in Parts(answer.text).attributes if name == "href" and value]
    elsewhere = [link for link in links if not link.startswith(("#", "data:"))]
    assert elsewhere == ["./", "docs"]
    assert client.get("/docs", headers=BROWSER).status_code == 200


def test_what_a_bundle_says_is_text_and_never_html() -> None:
    hostile = "<script>alert(1)</script>"
    model = OnPage(hostile, '"><b>', (hostile, "{{ 7 * 7 }}"), 0.5, hostile, (hostile,))
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
def test_the_labels_are_said_in_words(labels: tuple[str, ...], words: str) -> None:
    assert in_words(labels) == words


@pytest.mark.parametrize("name", files.SCRIPTS)
def test_each_part_of_the_script_can_be_read_at_one_sitting(name: str) -> None:
    assert len(files.read(name).splitlines()) <= 160


def test_every_script_and_style_of_the_folder_is_in_a_page() -> None:
    there = {path.name for pattern in ("*.js", "*.css") for path in files.FOLDER.glob(pattern)}
    assert there == {*files.SCRIPTS, *files.STYLES, "docs.css"}


def test_limits_are_paragraphs_without_the_marks_of_markdown() -> None:
    assert paragraphs("**No medical\ndevice.** See:\n\n- **adults**, and\n  others;\n- cats.\n") == (
        "No medical device. See:",
        "adults, and others;",
        "cats.",
    )
    assert paragraphs("") == ()
