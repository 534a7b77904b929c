"""Verify the assertion that Identity-Aware Proxy signs for each request, and return the person's identity.

https://cloud.google.com/iap/docs/signed-headers-howto. Google rotates the keys; they are kept for an hour, and fetched
again for an assertion that is signed with an unknown key.
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

KEYS_MAX_AGE_S = 3600.0
FETCH_INTERVAL_S = 60.0
"""Keys are fetched at most once in this time, even if a client invents key ids or the key server fails."""

FETCH_TIMEOUT_S = 5.0

MALFORMED = (GoogleAuthError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What google-auth raises for a malformed or invalid token; tests measure it."""


class AssertionVerifier:
    """A verifier of assertions. Thread-safe.

    Args:
        audience: the only service that assertions may be for: ``/projects/NUMBER/locations/REGION/services/NAME``.
        keys_url: URL of the public keys.
        now: a monotonic clock, in seconds.
    """

    def __init__(self, audience: str, keys_url: str, now: Callable[[], float] = time.monotonic) -> None:
        self._audience = audience
        self._keys_url = keys_url
        self._now = now
        self._keys: Mapping[str, str] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._lock = threading.Lock()

    def caller(self, headers: Headers) -> str:
        """Return the e-mail of the person, or the subject where there is no e-mail.

        Raises:
            BadRequest: with status 401: there is no assertion, or it is not valid for this service.
            KeysUnavailable: the keys cannot be fetched and none is known; no request is admitted unverified.
        """
        assertion = headers.get(HEADER)
        if not assertion:
            raise BadRequest(
                "The request did not come through Identity-Aware Proxy, which this service requires (CALLERS is iap); "
                "open the service's own URL.",
                401,
                "unauthenticated",
            )
        try:
            claims = self._claims(assertion)
            return str(claims.get("email") or claims["sub"])
        except MALFORMED as error:
            log.warning(f"refused an invalid assertion of Identity-Aware Proxy ({type(error).__name__})")
            raise BadRequest(
                "The assertion of Identity-Aware Proxy is not valid for this service: its signature, audience, issuer "
                "or time is wrong; sign in again.",
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
        """Return the keys, fetched again if they are old or lack this key."""
        with self._lock:
            now = self._now()
            is_known = key_id in self._keys and now - self._fetched_at < KEYS_MAX_AGE_S
            if not is_known and now - self._tried_at >= FETCH_INTERVAL_S:
                self._tried_at = now
                self._fetch()
            if not self._keys:
                raise KeysUnavailable(f"The keys of Identity-Aware Proxy cannot be fetched from {self._keys_url}.")
            return self._keys

    def _fetch(self) -> None:
        """Replace the keys; keep the current ones if that fails."""
        try:
            response = requests.get(self._keys_url, timeout=FETCH_TIMEOUT_S)
            response.raise_for_status()
            keys = response.json()
            self._keys = {key_id: key for key_id, key in keys.items() if isinstance(key, str)}
            self._fetched_at = self._now()
        except (requests.RequestException, ValueError, AttributeError) as error:
            log.warning(f"could not fetch the keys of Identity-Aware Proxy ({type(error).__name__})")
