"""How long and how often calls of Google's clients are tried: a few times, with pauses by chance, until a deadline."""

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

MOST_ATTEMPTS = 12
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
"""The longest pauses before the first retry and before any: each is drawn evenly from zero up to its limit."""

CONNECTIONS = 32
"""Kept open by a client: one for each thread that serves or archives."""

STATUSES = (408, 429, 500, 502, 503, 504)
REASONS = ("rateLimitExceeded", "userRateLimitExceeded", "jobRateLimitExceeded", "backendError", "internalError")
"""BigQuery refuses with 403 what comes too fast: https://cloud.google.com/bigquery/docs/error-messages."""

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


class OutOfTime(requests.RequestException):
    """The call's deadline came before a request of it was sent."""


@dataclass(slots=True)
class _Call:
    ends_at: float
    failures: int = 0


_call: ContextVar[_Call | None] = ContextVar("call", default=None)


class Patience:
    """Tries the calls of one client. Thread-safe.

    Args:
        session: the client's, whose requests are bounded from now on.
        deadline_s: a call ends within this many seconds, all its requests, retries and pauses included. Only a body
            that keeps trickling in may take longer.
        is_worth_another: tells by the error whether another attempt may help.

    Attributes:
        options: the ``retry`` and ``timeout`` that the client's methods take; meant for use inside of ``call``.
    """

    def __init__(
        self, session: requests.Session, deadline_s: float, is_worth_another: Callable[[BaseException], bool]
    ) -> None:
        def is_to_be_tried_again(error: BaseException) -> bool:
            call = _call.get() or _Call(0)
            call.failures += 1
            return call.failures < MOST_ATTEMPTS and is_worth_another(error)

        retry = Retry(
            predicate=is_to_be_tried_again,
            initial=FIRST_PAUSE_S,
            maximum=LONGEST_PAUSE_S,
            multiplier=2.0,
            timeout=deadline_s,
        )
        self.options: dict[str, Any] = {"retry": retry, "timeout": deadline_s}
        self._deadline_s = deadline_s
        for scheme in ("https://", "http://"):
            session.mount(scheme, _BoundedAdapter(deadline_s / 3))

    @contextmanager
    def call(self) -> Iterator[dict[str, Any]]:
        """Bound what is sent inside of the block; yields ``options``.

        A call inside another ends when that one does, at the latest.
        """
        ends_at, outer = time.monotonic() + self._deadline_s, _call.get()
        before = _call.set(_Call(ends_at if outer is None else min(ends_at, outer.ends_at)))
        try:
            yield self.options
        finally:
            _call.reset(before)


def read_environment_once(session: requests.Session, url: str) -> None:
    """Ask the environment for proxies and certificates now, and not again before each request.

    That search, and one for a .netrc whose passwords Google's services do not take, is a seventh of what a request
    costs here.

    Args:
        session: of one client.
        url: of the service that it calls.
    """
    found = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify, session.cert = dict(found["proxies"]), found["verify"], found["cert"]
    session.trust_env = False


def is_passing(error: BaseException) -> bool:
    """Tell whether a client's error is of the kind that passes: a broken connection, too much at once, a failure."""
    if isinstance(error, BROKEN_CONNECTIONS):
        return True
    if isinstance(error, api.GoogleAPICallError):
        return error.code in STATUSES or _has_reason(error)
    response = getattr(error, "response", None)  # of InvalidResponse, which downloads raise
    return getattr(response, "status_code", None) in STATUSES


def _has_reason(error: api.GoogleAPICallError) -> bool:
    return any(isinstance(fault, dict) and fault.get("reason") in REASONS for fault in error.errors or ())


class _BoundedAdapter(HTTPAdapter):
    """Gives each request a share of what is left of its call's time: one that stalls leaves time for another."""

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        super().__init__(pool_connections=4, pool_maxsize=CONNECTIONS)

    def send(self, request: Any, stream: bool = False, timeout: Any = None, *more: Any, **options: Any) -> Any:
        call = _call.get()
        if call is not None:
            # Half: the headers may come at the last moment, and then the body may stall for as long again.
            share_s = min(self._longest_s, (call.ends_at - time.monotonic()) / 2)
            if share_s <= 0:
                raise OutOfTime(f"No time is left to send {request.method} {request.url}.", request=request)
            timeout = Timeout(total=share_s)
        return super().send(request, stream, timeout, *more, **options)
