"""How the adapters try again: a few times, each with a share of the time that is left, and never after the deadline."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import requests
from google.api_core import exceptions as api
from google.auth.exceptions import RefreshError, TransportError
from google.cloud.storage.exceptions import InvalidResponse
from requests.adapters import HTTPAdapter

from shared.adapters import retry
from shared.adapters.retry import MOST_ATTEMPTS, OutOfTime, Patience, is_passing, read_environment_once

URL = "http://127.0.0.1:1/"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Keep requests from being sent: each fails at once, and when it was sent is kept with the time that it had."""
    seen: list[tuple[float, float]] = []

    def refuse(_adapter: HTTPAdapter, _request: object, _stream: bool, timeout: object, **_options: object) -> None:
        seen.append((time.monotonic(), getattr(timeout, "total", timeout)))
        raise requests.ConnectionError("refused")

    monkeypatch.setattr(HTTPAdapter, "send", refuse)
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0.002)
    monkeypatch.setattr(retry, "LONGEST_PAUSE_S", 0.01)
    return seen


def fail(session: requests.Session, patient: Patience) -> float:
    """Make a call that fails; returns when it began."""
    with patient.call() as patiently:
        began = time.monotonic()
        get = patiently["retry"](lambda: session.get(URL, timeout=patiently["timeout"]))
        with pytest.raises((requests.ConnectionError, api.RetryError)):
            get()
    return began


def test_a_call_is_tried_a_few_times_and_no_more(sent: list[tuple[float, float]]) -> None:
    session = requests.Session()
    patient = Patience(session, 60, is_passing)
    for calls in (1, 2):
        fail(session, patient)
        assert len(sent) == calls * MOST_ATTEMPTS


def test_every_attempt_gets_a_share_of_what_is_left(sent: list[tuple[float, float]]) -> None:
    session = requests.Session()
    began = fail(session, Patience(session, 0.2, is_passing))
    assert len(sent) > 1
    for sent_at, share_s in sent:
        assert 0 < share_s <= 0.2 / 3
        assert sent_at + share_s <= began + 0.2 + 0.001


def test_a_request_that_stalls_leaves_time_for_another(sent: list[tuple[float, float]]) -> None:
    session = requests.Session()
    fail(session, Patience(session, 60, is_passing))
    assert sent[0][1] == pytest.approx(20)


def test_nothing_is_sent_after_the_deadline(sent: list[tuple[float, float]]) -> None:
    session = requests.Session()
    with Patience(session, 0.0001, is_passing).call():
        time.sleep(0.001)
        with pytest.raises(OutOfTime, match="No time is left to send GET"):
            session.get(URL)
    assert sent == []
    assert not is_passing(OutOfTime())


def test_a_call_inside_another_ends_with_it(sent: list[tuple[float, float]]) -> None:
    session = requests.Session()
    hasty, patient = Patience(session, 0.5, is_passing), Patience(session, 60, is_passing)
    with hasty.call():
        fail(session, patient)
    assert all(share_s <= 0.25 for _, share_s in sent)
    fail(session, patient)
    assert sent[-1][1] > 10


def test_a_request_outside_of_a_call_is_as_its_caller_wants_it(sent: list[tuple[float, float]]) -> None:
    session = requests.Session()
    Patience(session, 0.5, is_passing)
    with pytest.raises(requests.ConnectionError):
        session.get(URL, timeout=7)
    assert [share_s for _, share_s in sent] == [7]


def response(status: int) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    return made


PASSING = (
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

STAYING = (
    *(api.from_http_status(status, "") for status in (400, 401, 403, 404, 409, 412, 501)),
    api.Forbidden("not yours", errors=[{"reason": "accessDenied"}]),
    api.Forbidden("for today", errors=[{"reason": "quotaExceeded"}]),
    InvalidResponse(response(404), "a download"),
    RefreshError("no such account"),
    ValueError("a bug"),
)


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_passes_is_tried_again(error: Exception) -> None:
    assert is_passing(error)


@pytest.mark.parametrize("error", STAYING, ids=repr)
def test_what_stays_is_not_tried_again(error: Exception) -> None:
    assert not is_passing(error)


def test_the_environment_is_read_once_proxies_and_certificates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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


def test_without_anything_in_the_environment_certificates_are_still_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    session = requests.Session()
    read_environment_once(session, "https://storage.googleapis.com")
    assert session.verify is True
