"""Retry the calls of Google's clients: a few attempts with random pauses, until a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import requests
import urllib3.exceptions
from google.api_core import exceptions as api
from google.api_core.retry import Retry
from google.auth.exceptions import TransportError
from requests.adapters import HTTPAdapter
from urllib3.util import Timeout

MAX_ATTEMPTS = 12
FIRST_PAUSE_S = 0.2
MAX_PAUSE_S = 5.0
"""Upper limits of the pause before the first retry and before any: a pause is drawn evenly from zero to its limit."""

CONNECTIONS = 32
"""Connections that a client keeps open: one for each thread that serves or archives."""

TRANSIENT_STATUSES = (408, 429, 500, 502, 503, 504)
TRANSIENT_REASONS = (
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "jobRateLimitExceeded",
    "backendError",
    "internalError",
)
"""BigQuery refuses with 403 what is over a rate: https://cloud.google.com/bigquery/docs/error-messages."""

BROKEN_CONNECTIONS = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,  # also a body that ends too early
    urllib3.exceptions.ProtocolError,
    urllib3.exceptions.TimeoutError,
    TransportError,
    ConnectionError,
    TimeoutError,
)


class DeadlineExceeded(requests.RequestException):
    """The call's deadline passed before a request of the call was sent."""


@dataclass(slots=True)
class _Call:
    ends_at_s: float
    failures: int = 0


_call: ContextVar[_Call | None] = ContextVar("call", default=None)


class RetryPolicy:
    """The retries and the deadline of one client's calls. Thread-safe.

    Args:
        session: the client's session, whose requests are bounded from now on.
        deadline_s: a call ends within this many seconds, with all its requests, retries and pauses. Only a body that
            keeps arriving slowly may take longer.
        is_retryable: whether another attempt may help, by the error.

    Attributes:
        options: the ``retry`` and ``timeout`` that the client's methods take; to be used inside of ``call``.
    """

    def __init__(
        self, session: requests.Session, deadline_s: float, is_retryable: Callable[[BaseException], bool]
    ) -> None:
        def should_retry(error: BaseException) -> bool:
            call = _call.get() or _Call(0)
            call.failures += 1
            return call.failures < MAX_ATTEMPTS and is_retryable(error)

        retry = Retry(
            predicate=should_retry,
            initial=FIRST_PAUSE_S,
            maximum=MAX_PAUSE_S,
            multiplier=2.0,
            timeout=deadline_s,
        )
        self.options: dict[str, Any] = {"retry": retry, "timeout": deadline_s}
        self._deadline_s = deadline_s
        for scheme in ("https://", "http://"):
            session.mount(scheme, _BoundedAdapter(deadline_s / 3))

    @contextmanager
    def call(self) -> Iterator[dict[str, Any]]:
        """Bound the requests that are sent inside of the block; yield ``options``.

        A call inside of another call has the earlier of the two deadlines.
        """
        ends_at_s, outer = time.monotonic() + self._deadline_s, _call.get()
        before = _call.set(_Call(ends_at_s if outer is None else min(ends_at_s, outer.ends_at_s)))
        try:
            yield self.options
        finally:
            _call.reset(before)


def read_environment_once(session: requests.Session, url: str) -> None:
    """Read proxies and certificates from the environment now, and not again before each request.

    That search, and one for a .netrc with passwords that Google's services do not take, is a seventh of the client's
    own time for a request.

    Args:
        session: the session of one client.
        url: URL of the service that the client calls.
    """
    settings = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify, session.cert = dict(settings["proxies"]), settings["verify"], settings["cert"]
    session.trust_env = False


def is_transient(error: BaseException) -> bool:
    """Return whether a client's error may pass: a broken connection, a rate limit, a failure of the server."""
    if isinstance(error, BROKEN_CONNECTIONS):
        return True
    if isinstance(error, api.GoogleAPICallError):
        return error.code in TRANSIENT_STATUSES or _has_reason(error)
    response = getattr(error, "response", None)  # of InvalidResponse, which downloads raise
    return getattr(response, "status_code", None) in TRANSIENT_STATUSES


def _has_reason(error: api.GoogleAPICallError) -> bool:
    return any(isinstance(fault, dict) and fault.get("reason") in TRANSIENT_REASONS for fault in error.errors or ())


class _BoundedAdapter(HTTPAdapter):
    """An adapter that gives each request a share of its call's remaining time, so that a stalled one leaves some."""

    def __init__(self, max_request_s: float) -> None:
        self._max_request_s = max_request_s
        super().__init__(pool_connections=4, pool_maxsize=CONNECTIONS)

    def send(self, request: Any, stream: bool = False, timeout: Any = None, *more: Any, **options: Any) -> Any:
        call = _call.get()
        if call is not None:
            # Half: the headers may come at the last moment, and then the body may stall for the same time again.
            share_s = min(self._max_request_s, (call.ends_at_s - time.monotonic()) / 2)
            if share_s <= 0:
                raise DeadlineExceeded(f"No time is left to send {request.method} {request.url}.", request=request)
            timeout = Timeout(total=share_s)
        return super().send(request, stream, timeout, *more, **options)
