"""The account of credentials, which events of models name as their actor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials

from shared.adapters.google_rest import GoogleRest
from tests.emulators.contract.recording_server import recording_server

DEPLOY = "deploy@my-project.iam.gserviceaccount.com"
Answer = tuple[int, dict[str, Any]]


class MachineCredentials(AnonymousCredentials):
    """Credentials of a machine of Google's, whose account is "default" until their first token."""

    def __init__(self, email: str = "default") -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as the base class is written
        self.service_account_email = email

    def before_request(self, *arguments: Any) -> None:
        """Get a token; the metadata server's answer names the account."""
        del arguments
        self.service_account_email = DEPLOY


def account_with(credentials: AnonymousCredentials, answer: Answer) -> tuple[str | None, list[object]]:
    """Return the account, and the requests that were sent for it."""
    exchanges: list[object] = []
    respond: Callable[..., Answer] = lambda *_: answer  # noqa: E731
    with recording_server(respond, exchanges.append) as url:
        rest = GoogleRest("my-project", endpoint=url)
        rest._session.credentials = credentials
        return rest.account(), exchanges


def test_account_of_a_user_is_the_address_that_google_returns() -> None:
    account, requests = account_with(AnonymousCredentials(), (200, {"email": "ada@example.com"}))
    assert (account, len(requests)) == ("ada@example.com", 1)


@pytest.mark.parametrize("answer", [(200, {}), (403, {"error": {"code": 403}})])
def test_account_that_google_does_not_return_is_unknown(answer: Answer) -> None:
    assert account_with(AnonymousCredentials(), answer)[0] is None


def test_account_of_a_key_is_known_without_a_request() -> None:
    assert account_with(MachineCredentials(DEPLOY), (500, {})) == (DEPLOY, [])


def test_account_of_a_machine_is_known_after_the_first_request() -> None:
    """Its token may lack the scope for the address."""
    assert account_with(MachineCredentials(), (403, {"error": {"code": 403}}))[0] == DEPLOY
