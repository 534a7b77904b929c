"""Retries of the adapters: a few attempts, each with a share of the remaining time, and none after the deadline."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import requests
from google.api_core import exceptions as api
from google.auth.exceptions import RefreshError, TransportError
from google.cloud.storage.exceptions import InvalidResponse
from requests.adapters import HTTPAdapter

from shared.adapters import retry
from shared.adapters.retry import MAX_ATTEMPTS, DeadlineExceeded, RetryPolicy, is_transient, read_environment_once

URL = "http://127.0.0.1:1/"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Let each request fail immediately instead of being sent; return when each was sent, with its timeout."""
    seen: list[tuple[float, float]] = []

    def refuse(_adapter: HTTPAdapter, _request: object, _stream: bool, timeout: Any, **_options: object) -> None:
        seen.append((time.monotonic(), getattr(timeout, "total", timeout)))
        raise requests.ConnectionError("refused")

    monkeypatch.setattr(HTTPAdapter, "send", refuse)
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0.002)
    monkeypatch.setattr(retry, "MAX_PAUSE_S", 0.01)
    return seen


def fail(session: requests.Session, policy: RetryPolicy) -> float:
    """Make a call that fails, and return when it started."""
    with policy.call() as retry_options:
        started_at = time.monotonic()
        get = retry_options["retry"](lambda: session.get(URL, timeout=retry_options["timeout"]))
        with pytest.raises((requests.ConnectionError, api.RetryError)):
            get()
    return started_at


def test_retry_ends_after_the_maximum_of_attempts(sent: list[tuple[float, float]]) -> None:
    session = requests.Session()
    policy = RetryPolicy(session, 60, is_transient)
    for calls in (1, 2):
        fail(session, policy)
        assert len(sent) == calls * MAX_ATTEMPTS


def test_retry_gives_every_attempt_a_share_of_the_remaining_time(sent: list[tuple[float, float]]) -> None:
    session = requests.Session()
    started_at = fail(session, RetryPolicy(session, 0.2, is_transient))
    assert len(sent) > 1
    for sent_at, share_s in sent:
        assert 0 < share_s <= 0.2 / 3
        assert sent_at + share_s <= started_at + 0.2 + 0.001


def test_retry_has_time_left_after_a_stalled_request(sent: list[tuple[float, float]]) -> None:
    session = requests.Session()
    fail(session, RetryPolicy(session, 60, is_transient))
    assert sent[0][1] == pytest.approx(20)


def test_retry_sends_nothing_after_the_deadline(sent: list[tuple[float, float]]) -> None:
    session = requests.Session()
    with RetryPolicy(session, 0.0001, is_transient).call():
        time.sleep(0.001)
        with pytest.raises(DeadlineExceeded, match="No time is left to send GET"):
            session.get(URL)
    assert sent == []
    assert not is_transient(DeadlineExceeded())


def test_retry_in_an_inner_call_ends_with_the_outer_call(sent: list[tuple[float, float]]) -> None:
    session = requests.Session()
    shorter, policy = RetryPolicy(session, 0.5, is_transient), RetryPolicy(session, 60, is_transient)
    with shorter.call():
        fail(session, policy)
    assert all(share_s <= 0.25 for _, share_s in sent)
    fail(session, policy)
    assert sent[-1][1] > 10


def test_retry_leaves_a_request_outside_of_a_call_alone(sent: list[tuple[float, float]]) -> None:
    session = requests.Session()
    RetryPolicy(session, 0.5, is_transient)
    with pytest.raises(requests.ConnectionError):
        session.get(URL, timeout=7)
    assert [share_s for _, share_s in sent] == [7]


def response(status: int) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    return made


TRANSIENT = (
    requests.ConnectionError("reset"),
    requests.Timeout("stalled"),
    requests.exceptions.ChunkedEncodingError("cut short"),
    TransportError("no credentials now"),
    ConnectionResetError(),
    *(api.from_http_status(status, "") for status in (408, 429, 500, 502, 503, 504)),
    api.Forbidden("too fast", errors=[{"reason": "rateLimitExceeded"}]),
    api.BadRequest("odd", errors=[{"reason": "backendError"}]),
    InvalidResponse(response(503), "a download"),
)

PERMANENT = (
    *(api.from_http_status(status, "") for status in (400, 401, 403, 404, 409, 412, 501)),
    api.Forbidden("not yours", errors=[{"reason": "accessDenied"}]),
    api.Forbidden("for today", errors=[{"reason": "quotaExceeded"}]),
    InvalidResponse(response(404), "a download"),
    RefreshError("no such account"),
    ValueError("a bug"),
)


@pytest.mark.parametrize("error", TRANSIENT, ids=repr)
def test_transient_errors_are_retried(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize("error", PERMANENT, ids=repr)
def test_permanent_errors_are_not_retried(error: Exception) -> None:
    assert not is_transient(error)


def test_environment_is_read_once_for_proxies_and_certificates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificates = tmp_path / "certificates.pem"
    certificates.touch()
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates))
    far, near = requests.Session(), requests.Session()
    read_environment_once(far, "https://storage.googleapis.com")
    read_environment_once(near, URL)
    monkeypatch.delenv("HTTPS_PROXY")
    assert far.proxies["https"] == "http://proxy.example:3128"
    assert far.verify == str(certificates)
    assert near.proxies.get("http") is None
    assert not far.trust_env


def test_certificates_are_checked_with_an_empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    session = requests.Session()
    read_environment_once(session, "https://storage.googleapis.com")
    assert session.verify is True
