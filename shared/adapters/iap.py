"""Who signed in to Identity-Aware Proxy: read from the assertion that it signs for each request, and verified.

https://cloud.google.com/iap/docs/signed-headers-howto. Google rotates the keys; they are kept for an hour, and fetched
again for an assertion by a key that is not among them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError
from werkzeug.datastructures import Headers

from shared.errors import BadRequest, KeysUnavailable
from shared.logs import log

HEADER = "X-Goog-IAP-JWT-Assertion"
ISSUER = "https://cloud.google.com/iap"
ALGORITHM = "ES256"
KEYS_URL = "https://www.gstatic.com/iap/verify/public_key"
"""A JSON object: PEM by the key's id."""

SKEW_S = 30
"""By how much IAP's clock may differ from ours, as its documentation allows."""

KEYS_LAST_S = 3600.0
FETCH_AGAIN_S = 60.0
"""Keys are asked for so often at most, whatever key ids are made up, and whether they can be had or not."""

FETCH_S = 5.0

MALFORMED = (GoogleAuthError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What google-auth raises for a token that is none, or not valid; measured by tests."""


class Assertions:
    """Verifies assertions. Thread-safe.

    Args:
        audience: the one service that assertions must be for: ``/projects/NUMBER/locations/REGION/services/NAME``.
        keys_url: where the public keys are.
        now: a clock, in seconds, that never goes back.
    """

    def __init__(self, audience: str, keys_url: str, now: Callable[[], float] = time.monotonic) -> None:
        self._audience = audience
        self._keys_url = keys_url
        self._now = now
        self._keys: Mapping[str, str] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._lock = threading.Lock()

    def caller(self, headers: Headers) -> str:
        """Return the e-mail of the person, or the subject where there is none.

        Raises:
            BadRequest: with status 401: there is no assertion, or it is not valid for this service.
            KeysUnavailable: the keys cannot be had, and it is by none that is known; nobody is let in unverified.
        """
        assertion = headers.get(HEADER)
        if not assertion:
            raise BadRequest(
                "The request did not come by Identity-Aware Proxy, which this service expects (CALLERS is iap); open "
                "the service's own URL.",
                401,
                "unauthenticated",
            )
        try:
            claims = self._claims(assertion)
            return str(claims.get("email") or claims["sub"])
        except MALFORMED as error:
            log.warning(f"an assertion of Identity-Aware Proxy is not valid ({type(error).__name__})")
            raise BadRequest(
                "The assertion of Identity-Aware Proxy is not valid for this service, by its signature, audience, "
                "issuer or time; sign in again.",
                401,
                "unauthenticated",
            ) from error

    def _claims(self, assertion: str) -> Mapping[str, Any]:
        header = jwt.decode_header(assertion)
        key_id = header["kid"]
        if header["alg"] != ALGORITHM or not isinstance(key_id, str):
            raise ValueError("alg")
        keys = {key_id: self._keys_with(key_id)[key_id]}
        claims: Mapping[str, Any] = jwt.decode(
            assertion, certs=keys, audience=self._audience, clock_skew_in_seconds=SKEW_S
        )
        if claims["iss"] != ISSUER:
            raise ValueError("iss")
        return claims

    def _keys_with(self, key_id: str) -> Mapping[str, str]:
        """Return the keys, fetched again where they are old or this one is not among them."""
        with self._lock:
            now = self._now()
            is_known = key_id in self._keys and now - self._fetched_at < KEYS_LAST_S
            if not is_known and now - self._tried_at >= FETCH_AGAIN_S:
                self._tried_at = now
                self._fetch()
            if not self._keys:
                raise KeysUnavailable(f"The keys of Identity-Aware Proxy cannot be fetched from {self._keys_url}.")
            return self._keys

    def _fetch(self) -> None:
        """Replace the keys; those that are here stay where that fails."""
        try:
            answer = requests.get(self._keys_url, timeout=FETCH_S)
            answer.raise_for_status()
            found = answer.json()
            self._keys = {key_id: key for key_id, key in found.items() if isinstance(key, str)}
            self._fetched_at = self._now()
        except (requests.RequestException, ValueError, AttributeError) as error:
            log.warning(f"the keys of Identity-Aware Proxy were not fetched ({type(error).__name__})")
