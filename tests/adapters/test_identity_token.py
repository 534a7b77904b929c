"""Without credentials, or without the right to a token, whoever typed the command is told so."""

from __future__ import annotations

import pytest

from shared.adapters.identity_token import identity_token
from shared.errors import BadRequest


def test_without_credentials_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "nothing-here.json")
    with pytest.raises(BadRequest, match=r"There is no token of deploy@example\.com for https://x"):
        identity_token("https://x", "deploy@example.com")
