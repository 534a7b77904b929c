"""Label tokens: proof that a client received a prediction and may label it, where callers have no identity.

A token is an HMAC (RFC 2104) of the prediction's id. Only the client that received the answer has it. It does not
expire; it becomes invalid when its key is removed from ``LABEL_KEYS``.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

PURPOSE = "bucketlens label "
"""Signed with the id, so that a token is valid for no other purpose."""

TOKEN_CHARACTERS = 32
"""128 bits in hex."""


class LabelTokens:
    """The signer and verifier of label tokens.

    Args:
        keys: secrets; the first signs, all verify, so that a key can be replaced. Empty: nothing is signed.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(keys)

    def __bool__(self) -> bool:
        """Return whether there is a key."""
        return bool(self._keys)

    def token_of(self, prediction_id: str) -> str | None:
        """Return a prediction's token, 32 hex digits; None without a key."""
        return _signed(self._keys[0], prediction_id) if self._keys else None

    def is_valid(self, token: object, prediction_id: str) -> bool:
        """Return whether a token is of this prediction, by any of the keys; compares in constant time."""
        if not isinstance(token, str):
            return False
        encoded = token.encode(errors="replace")
        return any(hmac.compare_digest(encoded, _signed(key, prediction_id).encode()) for key in self._keys)


def _signed(key: str, prediction_id: str) -> str:
    return hmac.new(key.encode(), f"{PURPOSE}{prediction_id}".encode(), hashlib.sha256).hexdigest()[:TOKEN_CHARACTERS]
