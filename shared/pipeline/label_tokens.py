"""Label tokens: who holds one got the prediction's answer, and so may label it where nobody knows callers by name.

A token is an HMAC (RFC 2104) of the prediction's id. It is no secret of anybody's but its receiver's, does not end by
itself, and ends when its key is taken out of ``LABEL_KEYS``.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

PURPOSE = "bucketlens label "
"""Signed with the id, so that a token is good for nothing else."""

TOKEN_CHARACTERS = 32
"""128 bits in hex."""


class LabelTokens:
    """Signs and verifies.

    Args:
        keys: secrets; the first signs, all are accepted, so that a key can be replaced. None: nothing is signed.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(keys)

    def __bool__(self) -> bool:
        """Whether there is a key."""
        return bool(self._keys)

    def token_of(self, prediction_id: str) -> str | None:
        """Return a prediction's token, 32 hex digits; None without a key."""
        return _signed(self._keys[0], prediction_id) if self._keys else None

    def is_of(self, token: object, prediction_id: str) -> bool:
        """Whether a token is of this prediction, by any of the keys; in a time that tells nothing of the right one."""
        if not isinstance(token, str):
            return False
        given = token.encode(errors="replace")
        return any(hmac.compare_digest(given, _signed(key, prediction_id).encode()) for key in self._keys)


def _signed(key: str, prediction_id: str) -> str:
    return hmac.new(key.encode(), f"{PURPOSE}{prediction_id}".encode(), hashlib.sha256).hexdigest()[:TOKEN_CHARACTERS]
