"""Read log entries from Cloud Logging, in the form in which our functions wrote them.

API: https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from google.api_core import exceptions as api
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, RefreshError
from google.cloud import logging_v2
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from shared.adapters.error_messages import message_of
from shared.adapters.google_rest import LOGIN, NotSignedIn
from shared.adapters.retry import TRANSIENT_STATUSES
from shared.errors import BadRequest, Transient

UNAVAILABLE = (api.GoogleAPIError, GoogleAuthError, HTTPError, OSError)
"""The families that the client raises from; they share no base class but Exception."""

TRACE = "logging.googleapis.com/trace"
MAX_RETRIES = 3
LARGEST_PAGE = 1000
"""The most entries of a page that the API gives."""

Line = tuple[str, dict[str, Any]]
"""The service or job that wrote a line, and the line's fields."""


class LogsUnavailable(Transient):
    """Cloud Logging did not answer, or could not."""


class CloudLogging:
    """The logs of a project.

    Args:
        project: the project's id.
        endpoint: URL of another server, which needs no credentials; None for Cloud Logging itself.

    Raises:
        NotSignedIn: there are no credentials.
    """

    def __init__(self, project: str, *, endpoint: str | None = None) -> None:
        self._project = project
        credentials = AnonymousCredentials() if endpoint else None
        options = {"api_endpoint": endpoint} if endpoint else None
        with translate_errors(project):
            # The client's other transport, gRPC, starts threads and takes longer to import than a page to arrive.
            self._client = logging_v2.Client(
                project=project, credentials=credentials, client_options=options, _use_grpc=False
            )
        retries = Retry(
            MAX_RETRIES,
            status_forcelist=TRANSIENT_STATUSES,
            allowed_methods=None,  # a list is requested by POST, and changes nothing
            backoff_factor=0 if endpoint else 0.5,
            raise_on_status=False,
        )
        self._client._http.mount("http://" if endpoint else "https://", HTTPAdapter(max_retries=retries))

    def lines(self, filter: str, limit: int) -> Iterator[Line]:
        """Yield the lines that match a filter, newest first, page by page.

        Args:
            filter: a query in Cloud Logging's language.
            limit: how many lines are read at most.

        Raises:
            BadRequest: the logs may not be read, or the filter is invalid.
            NotSignedIn: the credentials are no longer valid.
            LogsUnavailable: no answer, after retries.
        """
        with translate_errors(self._project):
            entries = self._client.list_entries(
                filter_=filter,
                order_by=logging_v2.DESCENDING,
                max_results=limit,
                page_size=min(limit, LARGEST_PAGE),
            )
            for entry in entries:
                yield _line(entry)


@contextmanager
def translate_errors(project: str) -> Iterator[None]:
    """Translate every error of the client into one of ``shared.errors``; nothing else does that.

    Raises:
        BadRequest: Cloud Logging would refuse the call again.
        NotSignedIn: there are no valid credentials.
        LogsUnavailable: any other error of the client or its transport.
    """
    try:
        yield
    except (api.Forbidden, api.NotFound) as error:
        raise BadRequest(
            f"The logs of {project} cannot be read: {_sentence(error)} Your account needs roles/logging.viewer on "
            "the project."
        ) from error
    except (api.BadRequest, api.Unauthorized) as error:
        raise BadRequest(f"Cloud Logging refused the query: {_sentence(error)}") from error
    except (DefaultCredentialsError, RefreshError) as error:
        raise NotSignedIn(f"There are no valid application default credentials; create them with: {LOGIN}") from error
    except UNAVAILABLE as error:
        raise LogsUnavailable(f"Cloud Logging did not answer: {type(error).__name__}: {message_of(error)}") from error


def _sentence(error: api.GoogleAPICallError) -> str:
    return f"{message_of(error).rstrip('.')}."


def _line(entry: Any) -> Line:
    """Return an entry as the line that our function wrote; Cloud Logging has moved some fields out of it."""
    labels = entry.resource.labels if entry.resource else {}
    payload = entry.payload if isinstance(entry.payload, dict) else {"message": str(entry.payload or "")}
    moved = {
        "severity": entry.severity or "DEFAULT",
        "time": entry.timestamp.isoformat() if entry.timestamp else None,
        TRACE: entry.trace,
    }
    return str(labels.get("service_name") or labels.get("job_name") or ""), {**payload, **moved}
