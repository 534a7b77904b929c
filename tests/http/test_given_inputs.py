"""Tests of the inputs in place of an image: base64, a URI, pixels; and what is wrong with them."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from flask import Request
from PIL import Image
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from shared.errors import BadRequest
from shared.http import inputs, read_body, request_options
from shared.http.cross_site import check_host, check_site


@pytest.mark.parametrize("text", ["aGk=", "aG\nk=", "aGk=\r\n", "data:image/png;base64,aGk=", "data:,aGk="])
def test_base64_is_read_with_line_breaks_and_as_a_data_url(text: str) -> None:
    assert inputs.from_base64(text) == b"hi"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("b'aGk='", "Python's notation for bytes"),
        ('b"aGk="', "Python's notation for bytes"),
        ("aG k", "it has spaces"),
        ("aG-k", "base64url"),
        ("aG_k", "base64url"),
        ("aGk!", "'!' at character 4;"),
        ("aGk", "3 characters, expected a multiple of 4"),
        ("a=Gk", "it has = before its end"),
        ("aGké", "'é' at character 4;"),
    ],
)
def test_base64_error_describes_what_the_text_looks_like(text: str, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        inputs.from_base64(text)


@pytest.mark.parametrize(
    ("pixels", "scale", "expected"),
    [
        (np.array([[[0, 0.5, 1]]], np.float32), 255.0, [0, 128, 255]),
        (np.array([[[0.4, 0.6, 254.5]]], np.float32), 1.0, [0, 1, 254]),
        (np.array([[[1, 2, 3]]], np.uint8), 1.0, [1, 2, 3]),
    ],
)
def test_pixels_are_kept_as_a_lossless_png(pixels: np.ndarray, scale: float, expected: list[int]) -> None:
    with Image.open(BytesIO(inputs._as_png(pixels, scale))) as png:
        assert (png.format, png.mode, png.size) == ("PNG", "RGB", (1, 1))
        assert np.asarray(png).tolist() == [[expected]]


def request_of(query: str = "", method: str = "POST", body: bytes = b"", **headers: Any) -> Request:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(
        EnvironBuilder("/", query_string=query, headers=Headers(names), method=method, data=body).get_environ()
    )


@pytest.mark.parametrize(
    ("query", "default", "expected"),
    [("", "true", True), ("", "false", False), ("record=FALSE", "true", False), ("record=True", "false", True)],
)
def test_record_option_is_read(query: str, default: str, expected: bool) -> None:
    assert request_options.wants_record(request_of(query), default) is expected


@pytest.mark.parametrize("query", ["record=1", "record=", "record=no"])
def test_record_option_must_be_true_or_false(query: str) -> None:
    with pytest.raises(BadRequest, match="expected true or false"):
        request_options.wants_record(request_of(query))


def test_key_and_file_name_are_read_up_to_their_length() -> None:
    assert request_options.idempotency_key(request_of()) is None
    assert request_options.idempotency_key(request_of(Idempotency_Key="k" * 255)) == "k" * 255
    for key in ("", "k" * 256):
        with pytest.raises(BadRequest, match=f"{len(key)} characters"):
            request_options.idempotency_key(request_of(Idempotency_Key=key))
    named = "attachment; filename*=UTF-8''caf%C3%A9.jpg"
    assert request_options.file_name(request_of(Content_Disposition=named)) == "café.jpg"
    assert request_options.file_name(request_of()) is None
    assert request_options.file_name(request_of(Content_Disposition="attachment; filename=")) is None
    assert request_options.file_name(request_of(Content_Disposition=f"a; filename={'n' * 1024}")) == "n" * 1024
    with pytest.raises(BadRequest, match="at most 1,024 bytes"):
        request_options.file_name(request_of(Content_Disposition=f"a; filename={'n' * 1025}"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff", "not UTF-8"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": NaN}', "not JSON"),
        (b"[]", "JSON list"),
        (b"1", "JSON int"),
        (b"null", "JSON NoneType"),
    ],
)
def test_json_body_that_is_not_an_object_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        read_body.parse_object(content)


def test_json_field_that_is_an_object_may_be_absent_or_null() -> None:
    assert read_body.parse_object('{"é": 1}'.encode()) == {"é": 1}
    document: dict[str, Any]
    for document in ({}, {"a": None}, {"a": {}}):
        assert read_body.optional_object(document, "a") == {}
    assert read_body.optional_object({"a": {"b": 1}}, "a") == {"b": 1}
    value: Any
    for value in (0, [], "", False):
        with pytest.raises(BadRequest, match="The field a is a"):
            read_body.optional_object({"a": value}, "a")


def test_json_values_cost_memory_by_their_kind() -> None:
    assert read_body.cost_of_parsing(b"[1,2]") == 64 + 40
    assert read_body.cost_of_parsing(b'{"a":1}') == 200 + 2 * 30 + 40


def test_content_encoding_is_refused_unless_it_is_identity() -> None:
    read_body.refuse_compressed(request_of(Content_Encoding="Identity"))
    read_body.refuse_compressed(request_of())
    with pytest.raises(BadRequest, match="'gzip'") as refused:
        read_body.refuse_compressed(request_of(Content_Encoding="gzip"))
    assert refused.value.http_status == 415


def test_body_is_read_whole_and_refused_if_it_ends_early() -> None:
    assert read_body.read_all(request_of(body=b"a" * 600_000), 60) == b"a" * 600_000
    short = request_of(body=b"abc")
    short.environ["CONTENT_LENGTH"] = "4"
    with pytest.raises(BadRequest, match="ended before"):
        read_body.read_all(Request(short.environ), 60)


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, True),
        ({"Sec_Fetch_Site": "same-origin"}, True),
        ({"Sec_Fetch_Site": "none"}, True),
        ({"Sec_Fetch_Site": "same-site"}, False),
        ({"Sec_Fetch_Site": "cross-site"}, False),
        ({"Sec_Fetch_Site": "none", "Origin": "https://other.example"}, True),
        ({"Origin": "https://here.example", "Host": "here.example"}, True),
        ({"Origin": "http://here.example:80", "Host": "here.example"}, True),
        ({"Origin": "https://here.example:8443", "Host": "here.example:8443"}, True),
        ({"Origin": "https://here.example:8443", "Host": "here.example"}, False),
        ({"Origin": "https://other.example", "Host": "here.example"}, False),
        ({"Origin": "null", "Host": "here.example"}, False),
        ({"Origin": "https://here.example:x", "Host": "here.example"}, False),
    ],
)
def test_cross_site_request_is_refused(headers: dict[str, Any], passes: bool) -> None:
    if passes:
        check_site(request_of(**headers))
        return
    with pytest.raises(BadRequest) as refused:
        check_site(request_of(**headers))
    assert (refused.value.http_status, refused.value.reason) == (403, "cross_site")


@pytest.mark.parametrize(
    ("host", "allowed", "passes"),
    [
        ("here.example", ["here.example"], True),
        ("HERE.example", ["here.example"], True),
        ("here.example:8080", ["here.example"], True),
        ("here.example:8080", ["here.example:8080"], True),
        ("here.example:8081", ["here.example:8080"], False),
        ("other.example", ["here.example"], False),
        ("here.example.other", ["here.example"], False),
        ("[::1]:80", ["[::1]"], True),
    ],
)
def test_host_that_is_not_allowed_is_refused(host: str, allowed: list[str], passes: bool) -> None:
    if passes:
        check_host(request_of(Host=host), allowed)
        return
    with pytest.raises(BadRequest) as refused:
        check_host(request_of(Host=host), allowed)
    assert (refused.value.http_status, refused.value.reason) == (403, "unknown_host")


def test_base64_decodes_to_what_was_sent() -> None:
    content = bytes(range(256))
    assert inputs.from_base64(base64.b64encode(content).decode()) == content
