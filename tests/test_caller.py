"""What headers say of the caller and of the trace."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from shared.caller import caller_from, trace_from

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def token(claims: Any, signature: str = "SIGNATURE_REMOVED_BY_GOOGLE") -> str:
    """An identity token as Cloud Run hands it on, its signature replaced."""
    return f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part(claims)}.{signature}"


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def caller(**headers: str) -> str | None:
    return caller_from(Headers({name.replace("_", "-"): value for name, value in headers.items()}))


def test_caller_is_the_email_of_the_identity_token() -> None:
    claims = {"aud": "https://x.run.app", "email": "ada@example.com", "email_verified": True, "sub": "1234"}
    assert caller(Authorization=f"Bearer {token(claims)}") == "ada@example.com"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_caller_is_read_whatever_the_case_of_the_scheme(scheme: str) -> None:
    assert caller(Authorization=f"{scheme} {token({'email': 'ada@example.com'})}") == "ada@example.com"


@pytest.mark.parametrize("email", ["a@b.c", "aa@b.c", "aaa@b.c", "aaaa@b.c", "ü@example.com"])
def test_caller_is_read_with_padding_and_umlauts(email: str) -> None:
    assert caller(Authorization=f"Bearer {token({'email': email})}") == email


def test_caller_is_the_subject_of_a_token_without_an_email() -> None:
    assert caller(Authorization=f"Bearer {token({'sub': '1234'})}") == "1234"


def test_caller_is_read_from_the_serverless_header_first() -> None:
    """An application may keep Authorization for itself; Cloud Run then checks the other header."""
    both = {
        "Authorization": f"Bearer {token({'email': 'app@example.com'})}",
        "X_Serverless_Authorization": f"Bearer {token({'email': 'ada@example.com'})}",
    }
    assert caller(**both) == "ada@example.com"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b",
        "Bearer a.b.c.d",
        "Bearer ...",
        "Bearer a.!!!.c",
        "Bearer a.ü.c",
        f"Bearer a.{base64.urlsafe_b64encode(b'not json').decode()}.c",
        f"Bearer a.{base64.urlsafe_b64encode(bytes([255, 254, 0])).decode()}.c",
        f"Bearer a.{base64.urlsafe_b64encode(b'[' * 6000).decode()}.c",
        f"Bearer {token(None)}",
        f"Bearer {token([])}",
        f"Bearer {token('ada@example.com')}",
        f"Bearer {token(5)}",
        f"Bearer {token({})}",
        f"Bearer {token({'email': None, 'sub': ''})}",
        f"Basic {base64.b64encode(b'ada:secret').decode()}",
        f"Digest {token({'email': 'ada@example.com'})}",
    ],
)
def test_caller_of_a_malformed_token_is_none(value: str) -> None:
    assert caller(Authorization=value) is None


def test_caller_is_read_from_the_second_header_if_the_first_is_malformed() -> None:
    both = {
        "X_Serverless_Authorization": "Bearer a.!!!.c",
        "Authorization": f"Bearer {token({'email': 'ada@example.com'})}",
    }
    assert caller(**both) == "ada@example.com"


def test_caller_and_trace_are_none_without_headers() -> None:
    assert caller() is None
    assert trace_from(Headers(), "my-project") is None


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": f"00-{TRACE}-{SPAN}-01"},
        {"traceparent": f"00-{TRACE}-{SPAN}-00"},
        {"X-Cloud-Trace-Context": TRACE},
        {"X-Cloud-Trace-Context": f"{TRACE}/123"},
        {"X-Cloud-Trace-Context": f"{TRACE}/123;o=1"},
        {"traceparent": f"00-{TRACE}-{SPAN}-01", "X-Cloud-Trace-Context": f"{'b' * 32}/1"},
        {"traceparent": "garbage", "X-Cloud-Trace-Context": f"{TRACE}/1"},
    ],
)
def test_trace_has_the_name_of_cloud_logging(headers: dict[str, str]) -> None:
    assert trace_from(Headers(headers), "my-project") == f"projects/my-project/traces/{TRACE}"


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": ""},
        {"traceparent": f"00-{TRACE[:-1]}-{SPAN}-01"},
        {"traceparent": f"00-{TRACE.upper()}-{SPAN}-01"},
        {"traceparent": f"00-{TRACE}-{SPAN}"},
        {"traceparent": f"00-{TRACE}-{SPAN}-01\n"},
        {"traceparent": f"00-{'../' * 10}ab-{SPAN}-01"},
        {"X-Cloud-Trace-Context": f"{TRACE}/abc"},
        {"X-Cloud-Trace-Context": "x" * 10_000},
    ],
)
def test_trace_that_is_malformed_is_none(headers: dict[str, str]) -> None:
    class Raw(dict[str, str]):
        """Headers that were not checked, since a test client refuses to send some of these."""

    assert trace_from(Raw(headers), "my-project") is None  # type: ignore[arg-type]
