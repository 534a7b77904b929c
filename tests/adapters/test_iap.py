"""Assertions of Identity-Aware Proxy: what is valid has a name, all else is nobody, and keys are kept."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from shared.adapters.iap import FETCH_AGAIN_S, HEADER, KEYS_LAST_S, Assertions
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
def assertions(keys: KeyServer, clock: Clock) -> Assertions:
    return Assertions(AUDIENCE, keys.url, clock)


def caller(assertions: Assertions, assertion: str) -> str:
    return assertions.caller(Headers({HEADER: assertion}))


def is_nobody(assertions: Assertions, assertion: str) -> bool:
    with pytest.raises(BadRequest) as refused:
        caller(assertions, assertion)
    return refused.value.http_status == 401 and refused.value.reason == "unauthenticated"


def test_a_valid_assertion_names_the_person(assertions: Assertions, keys: KeyServer) -> None:
    assert caller(assertions, keys.signer.assertion(email="ada@example.com")) == "ada@example.com"


def test_a_person_without_an_email_is_named_by_the_subject(assertions: Assertions, keys: KeyServer) -> None:
    assert caller(assertions, keys.signer.assertion()) == "accounts.google.com:1234"


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
    "of nobody": {"without": "sub"},
    "by no key's name": {"header": {"kid": None}},
    "by a list of keys": {"header": {"kid": ["key-1"]}},
    "by another algorithm": {"header": {"alg": "HS256"}},
    "by RSA, it says": {"header": {"alg": "RS256"}},
    "by no algorithm": {"header": {"alg": "none"}},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_assertion_that_is_not_for_us_here_and_now_is_nobodys(
    assertions: Assertions, keys: KeyServer, wrong: str
) -> None:
    assert is_nobody(assertions, keys.signer.assertion(**WRONG[wrong]))


def test_a_signature_by_another_key_of_the_same_name_is_none(assertions: Assertions) -> None:
    assert is_nobody(assertions, Signer("key-1").assertion(email="ceo@example.com"))


def test_claims_that_were_changed_after_signing_are_nobodys(assertions: Assertions, keys: KeyServer) -> None:
    head, claims, signature = keys.signer.assertion(email="ada@example.com").split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    changed = base64url(json.dumps({**said, "email": "ceo@example.com"}).encode())
    assert is_nobody(assertions, f"{head}.{changed}.{signature}")
    assert is_nobody(assertions, f"{head}.{claims}.")


@pytest.mark.parametrize(
    "garbage",
    ["x", "a.b", "a.b.c", "...", "a.b.c.d", "é.é.é", f"{base64url(b'[]')}.{base64url(b'[]')}.x", "." * 9_000]
    + [f"{base64url(document)}.{base64url(b'{}')}.AAAA" for document in (b"7", b"null", b"{}", b"\xff", b"[" * 9_000)],
)
def test_garbage_is_nobodys(assertions: Assertions, garbage: str) -> None:
    assert is_nobody(assertions, garbage)


def test_a_clock_that_differs_by_half_a_minute_is_forgiven(assertions: Assertions, keys: KeyServer) -> None:
    now = int(time.time())
    assert caller(assertions, keys.signer.assertion(iat=now - 600, exp=now - 10))
    assert caller(assertions, keys.signer.assertion(iat=now + 10))


def test_a_request_without_an_assertion_did_not_come_by_iap(assertions: Assertions) -> None:
    for headers in (Headers(), Headers({"X-Goog-Authenticated-User-Email": "accounts.google.com:ceo@example.com"})):
        with pytest.raises(BadRequest, match="did not come by Identity-Aware Proxy"):
            assertions.caller(headers)


def test_keys_are_fetched_once_an_hour(assertions: Assertions, keys: KeyServer, clock: Clock) -> None:
    for _ in range(3):
        caller(assertions, keys.signer.assertion())
    assert keys.asked == 1
    clock.now += KEYS_LAST_S
    caller(assertions, keys.signer.assertion())
    assert keys.asked == 2


def test_a_new_key_is_found_and_a_made_up_one_asks_once_a_minute(
    assertions: Assertions, keys: KeyServer, clock: Clock
) -> None:
    caller(assertions, keys.signer.assertion())
    new = Signer("key-2")
    keys.keys["key-2"] = new.public_pem
    assert is_nobody(assertions, new.assertion()), "the keys were asked for a moment ago"
    clock.now += FETCH_AGAIN_S
    assert caller(assertions, new.assertion(email="ada@example.com")) == "ada@example.com"
    clock.now += FETCH_AGAIN_S
    for name in ("made-up-1", "made-up-2", "made-up-3"):
        assert is_nobody(assertions, Signer(name).assertion())
    assert keys.asked == 3


def test_a_key_that_was_withdrawn_is_believed_for_an_hour_at_most(
    assertions: Assertions, keys: KeyServer, clock: Clock
) -> None:
    caller(assertions, keys.signer.assertion())
    keys.keys = {"key-2": Signer("key-2").public_pem}
    clock.now += KEYS_LAST_S
    assert is_nobody(assertions, keys.signer.assertion())


def test_without_keys_nobody_is_named_and_everybody_may_come_again(
    assertions: Assertions, keys: KeyServer, clock: Clock
) -> None:
    keys.is_broken = True
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            caller(assertions, keys.signer.assertion())
    assert keys.asked == 1, "who cannot be reached is not asked with each request"
    keys.is_broken, clock.now = False, clock.now + FETCH_AGAIN_S
    assert caller(assertions, keys.signer.assertion())


def test_keys_that_are_here_go_on_while_new_ones_cannot_be_had(
    assertions: Assertions, keys: KeyServer, clock: Clock
) -> None:
    caller(assertions, keys.signer.assertion())
    keys.is_broken, clock.now = True, clock.now + 2 * KEYS_LAST_S
    assert caller(assertions, keys.signer.assertion(email="ada@example.com")) == "ada@example.com"


@pytest.mark.parametrize("found", [[], "keys", {"key-1": 7}, None])
def test_what_is_no_list_of_keys_is_taken_for_none(assertions: Assertions, keys: KeyServer, found: Any) -> None:
    keys.keys = found
    with pytest.raises(KeysUnavailable):
        caller(assertions, keys.signer.assertion())
