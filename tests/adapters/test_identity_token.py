"""An identity token that cannot be created is an error that says why."""

from __future__ import annotations

import pytest

from shared.adapters.identity_token import identity_token
from shared.errors import BadRequest


def test_identity_token_without_credentials_is_a_bad_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "nothing-here.json")
    with pytest.raises(BadRequest, match=r"There is no token of deploy@example\.com for https://x"):
        identity_token("https://x", "deploy@example.com")
