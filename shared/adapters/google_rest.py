"""Read from Google's REST APIs, with the application default credentials that Terraform uses too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import google.auth
import requests
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.auth.transport.requests import AuthorizedSession
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from shared.adapters.retry import TRANSIENT_STATUSES
from shared.errors import BadRequest, BucketlensError, Transient

SCOPES = ("https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/userinfo.email")
LOGIN = "gcloud auth application-default login"
MAX_RETRIES = 2
MAX_PAGES = 50

Document = dict[str, Any]


class NotSignedIn(BadRequest):
    """No application default credentials exist, or they are no longer valid."""


class GoogleApiError(BucketlensError):
    """Google refused a call; ``needs`` describes what is missing: a permission, an API that is off, or a status."""

    def __init__(self, needs: str, status: int) -> None:
        self.needs = needs
        self.status = status
        super().__init__(f"Google answered {status}; this needs {needs}")


class GoogleUnavailable(Transient):
    """Google did not answer within the deadline."""


class RestReader(Protocol):
    """A port for reading Google's REST APIs."""

    def get(self, api: str, path: str, **query: Any) -> Document:
        """Return the JSON of ``https://API.googleapis.com/PATH``."""

    def post(self, api: str, path: str, body: Document) -> Document:
        """Return the JSON response of a method that is called by POST and changes nothing."""

    def pages(self, api: str, path: str, field: str, **query: Any) -> Iterator[Document]:
        """Yield the elements of a list's ``field``, page by page."""

    def account(self) -> str | None:
        """Return the e-mail address of the credentials, or None where Google does not return it."""


class GoogleRest:
    """``RestReader`` over HTTPS.

    Args:
        project: the project that pays for the calls (the header ``x-goog-user-project``).
        deadline_s: limit of one attempt.
        endpoint: URL of another server, whose paths begin with the API's name and which gets no credentials; None for
            Google.

    Raises:
        NotSignedIn: there are no credentials.
    """

    def __init__(self, project: str, deadline_s: float = 20, *, endpoint: str | None = None) -> None:
        self._endpoint, self._deadline_s = endpoint, deadline_s
        self._session = AuthorizedSession(_credentials(endpoint))
        self._headers = {"x-goog-user-project": project}
        retries = Retry(
            MAX_RETRIES,
            status_forcelist=TRANSIENT_STATUSES,
            allowed_methods=None,
            backoff_factor=0 if endpoint else 0.5,
        )
        self._session.mount("http://" if endpoint else "https://", HTTPAdapter(max_retries=retries))

    def get(self, api: str, path: str, **query: Any) -> Document:
        """See ``RestReader.get``.

        Raises:
            GoogleApiError: Google refused, or knows no resource of that name.
            GoogleUnavailable: there was no response, or it is not JSON.
            NotSignedIn: the credentials are no longer valid.
        """
        return self._call("GET", api, path, params=query)

    def post(self, api: str, path: str, body: Document) -> Document:
        """See ``RestReader.post``; raises as ``get``."""
        return self._call("POST", api, path, json=body)

    def pages(self, api: str, path: str, field: str, **query: Any) -> Iterator[Document]:
        """See ``RestReader.pages``; raises as ``get``."""
        for _ in range(MAX_PAGES):
            page = self.get(api, path, **query)
            yield from page.get(field, [])
            if not page.get("nextPageToken"):
                return
            query["pageToken"] = page["nextPageToken"]

    def account(self) -> str | None:
        """See ``RestReader.account``."""
        if email := self._service_account():
            return email
        try:
            email = self.get("www", "oauth2/v2/userinfo").get("email")
        except GoogleApiError:
            email = None
        return email or self._service_account()

    def _service_account(self) -> str | None:
        """Return the credentials' service account; those of Google's machines know it after the first call."""
        email = getattr(self._session.credentials, "service_account_email", None)
        return str(email) if email and "@" in email else None

    def _call(self, method: str, api: str, path: str, **arguments: Any) -> Document:
        url = f"{self._endpoint}/{api}/{path}" if self._endpoint else f"https://{api}.googleapis.com/{path}"
        try:
            # A redirect would send the token to another server.
            response = self._session.request(
                method, url, headers=self._headers, timeout=self._deadline_s, allow_redirects=False, **arguments
            )
            document = response.json()
        except (GoogleAuthError, requests.RequestException, ValueError) as error:
            if isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
                raise NotSignedIn(
                    f"Your credentials are not valid or have expired; renew them with: {LOGIN}"
                ) from error
            raise GoogleUnavailable(f"{api}.googleapis.com did not answer within {self._deadline_s:.0f} s.") from error
        if not isinstance(document, dict) or response.status_code >= 500:
            raise GoogleUnavailable(f"{api}.googleapis.com answered {response.status_code}.")
        if response.status_code != requests.codes.ok:
            raise GoogleApiError(_needs(document, api, response.status_code), response.status_code)
        return document


def _credentials(endpoint: str | None) -> Any:
    if endpoint:
        return AnonymousCredentials()
    try:
        credentials, _ = google.auth.default(scopes=SCOPES)
    except DefaultCredentialsError as error:
        raise NotSignedIn(f"There are no application default credentials; create them with: {LOGIN}") from error
    return credentials


def _needs(document: Document, api: str, status: int) -> str:
    """Return what is missing according to an error (https://cloud.google.com/apis/design/errors#error_info)."""
    error = document.get("error")
    details = error.get("details", []) if isinstance(error, dict) else []
    for detail in details:
        metadata = detail.get("metadata", {})
        if detail.get("reason") == "SERVICE_DISABLED":
            return f"the API {metadata.get('service', f'{api}.googleapis.com')}, which is off in the project"
        if detail.get("reason") == "USER_PROJECT_DENIED":
            return "the permission serviceusage.services.use"
        if detail.get("reason") == "IAM_PERMISSION_DENIED" and metadata.get("permission"):
            return f"the permission {metadata['permission']}"
    if status == requests.codes.forbidden:
        return f"a permission of {api}.googleapis.com that you do not have"
    return f"a response of {api}.googleapis.com other than {status}"
