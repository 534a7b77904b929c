"""Assertions of Identity-Aware Proxy: a valid one names the person, others are refused, and keys are kept."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from shared.adapters.iap import FETCH_INTERVAL_S, HEADER, KEYS_MAX_AGE_S, AssertionVerifier
from shared.errors import BadRequest, KeysUnavailable
from tests.adapters.iap_signer import AUDIENCE, KeyServer, Signer, base64url


class Clock:
    """A clock that is set by hand."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    with KeyServer.running() as server:
        yield server


@pytest.fixture
def verifier(keys: KeyServer, clock: Clock) -> AssertionVerifier:
    return AssertionVerifier(AUDIENCE, keys.url, clock)


def caller(verifier: AssertionVerifier, assertion: str) -> str:
    return verifier.caller(Headers({HEADER: assertion}))


def is_refused(verifier: AssertionVerifier, assertion: str) -> bool:
    with pytest.raises(BadRequest) as refused:
        caller(verifier, assertion)
    return refused.value.http_status == 401 and refused.value.reason == "unauthenticated"


def test_assertion_names_the_person(verifier: AssertionVerifier, keys: KeyServer) -> None:
    assert caller(verifier, keys.signer.assertion(email="ada@example.com")) == "ada@example.com"


def test_assertion_without_an_email_names_the_subject(verifier: AssertionVerifier, keys: KeyServer) -> None:
    assert caller(verifier, keys.signer.assertion()) == "accounts.google.com:1234"


NOW = int(time.time())
WRONG: dict[str, dict[str, Any]] = {
    "for another service": {"aud": "/projects/1/locations/europe-west1/services/other"},
    "for several services": {"aud": [AUDIENCE, "other"]},
    "without an audience": {"without": "aud"},
    "of another issuer": {"iss": "https://accounts.google.com"},
    "without an issuer": {"without": "iss"},
    "that has ended": {"iat": NOW - 1200, "exp": NOW - 60},
    "without an end": {"without": "exp"},
    "of the future": {"iat": NOW + 3600, "exp": NOW + 7200},
    "without a subject": {"without": "sub"},
    "without a key's id": {"header": {"kid": None}},
    "with a list of keys": {"header": {"kid": ["key-1"]}},
    "by another algorithm": {"header": {"alg": "HS256"}},
    "by RSA, it says": {"header": {"alg": "RS256"}},
    "by no algorithm": {"header": {"alg": "none"}},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_assertion_for_another_service_issuer_or_time_is_refused(
    verifier: AssertionVerifier, keys: KeyServer, wrong: str
) -> None:
    assert is_refused(verifier, keys.signer.assertion(**WRONG[wrong]))


def test_assertion_signed_by_another_key_of_the_same_id_is_refused(verifier: AssertionVerifier) -> None:
    assert is_refused(verifier, Signer("key-1").assertion(email="ceo@example.com"))


def test_assertion_changed_after_signing_is_refused(verifier: AssertionVerifier, keys: KeyServer) -> None:
    head, claims, signature = keys.signer.assertion(email="ada@example.com").split(".")
    payload = json.loads(base64.urlsafe_b64decode(claims + "=="))
    changed = base64url(json.dumps({**payload, "email": "ceo@example.com"}).encode())
    assert is_refused(verifier, f"{head}.{changed}.{signature}")
    assert is_refused(verifier, f"{head}.{claims}.")


@pytest.mark.parametrize(
    "garbage",
    ["x", "a.b", "a.b.c", "...", "a.b.c.d", "é.é.é", f"{base64url(b'[]')}.{base64url(b'[]')}.x", "." * 9_000]
    + [f"{base64url(document)}.{base64url(b'{}')}.AAAA" for document in (b"7", b"null", b"{}", b"\xff", b"[" * 9_000)],
)
def test_garbage_instead_of_an_assertion_is_refused(verifier: AssertionVerifier, garbage: str) -> None:
    assert is_refused(verifier, garbage)


def test_assertion_from_a_clock_half_a_minute_off_is_accepted(verifier: AssertionVerifier, keys: KeyServer) -> None:
    now = int(time.time())
    assert caller(verifier, keys.signer.assertion(iat=now - 600, exp=now - 10))
    assert caller(verifier, keys.signer.assertion(iat=now + 10))


def test_request_without_an_assertion_is_refused(verifier: AssertionVerifier) -> None:
    for headers in (Headers(), Headers({"X-Goog-Authenticated-User-Email": "accounts.google.com:ceo@example.com"})):
        with pytest.raises(BadRequest, match="did not come through Identity-Aware Proxy"):
            verifier.caller(headers)


def test_keys_are_fetched_once_an_hour(verifier: AssertionVerifier, keys: KeyServer, clock: Clock) -> None:
    for _ in range(3):
        caller(verifier, keys.signer.assertion())
    assert keys.requests == 1
    clock.now += KEYS_MAX_AGE_S
    caller(verifier, keys.signer.assertion())
    assert keys.requests == 2


def test_keys_are_fetched_for_an_unknown_id_at_most_once_a_minute(
    verifier: AssertionVerifier, keys: KeyServer, clock: Clock
) -> None:
    caller(verifier, keys.signer.assertion())
    new = Signer("key-2")
    keys.keys["key-2"] = new.public_pem
    assert is_refused(verifier, new.assertion()), "the keys were fetched a moment ago"
    clock.now += FETCH_INTERVAL_S
    assert caller(verifier, new.assertion(email="ada@example.com")) == "ada@example.com"
    clock.now += FETCH_INTERVAL_S
    for name in ("made-up-1", "made-up-2", "made-up-3"):
        assert is_refused(verifier, Signer(name).assertion())
    assert keys.requests == 3


def test_withdrawn_key_is_trusted_for_an_hour_at_most(
    verifier: AssertionVerifier, keys: KeyServer, clock: Clock
) -> None:
    caller(verifier, keys.signer.assertion())
    keys.keys = {"key-2": Signer("key-2").public_pem}
    clock.now += KEYS_MAX_AGE_S
    assert is_refused(verifier, keys.signer.assertion())


def test_missing_keys_are_a_transient_error_for_every_caller(
    verifier: AssertionVerifier, keys: KeyServer, clock: Clock
) -> None:
    keys.is_broken = True
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            caller(verifier, keys.signer.assertion())
    assert keys.requests == 1, "a key server that fails is not called for each request"
    keys.is_broken, clock.now = False, clock.now + FETCH_INTERVAL_S
    assert caller(verifier, keys.signer.assertion())


def test_keys_stay_in_use_while_new_ones_cannot_be_fetched(
    verifier: AssertionVerifier, keys: KeyServer, clock: Clock
) -> None:
    caller(verifier, keys.signer.assertion())
    keys.is_broken, clock.now = True, clock.now + 2 * KEYS_MAX_AGE_S
    assert caller(verifier, keys.signer.assertion(email="ada@example.com")) == "ada@example.com"


@pytest.mark.parametrize("document", [[], "keys", {"key-1": 7}, None])
def test_malformed_key_document_counts_as_no_keys(verifier: AssertionVerifier, keys: KeyServer, document: Any) -> None:
    keys.keys = document
    with pytest.raises(KeysUnavailable):
        caller(verifier, keys.signer.assertion())
