"""Refuse requests that a page of another site makes a browser send with the user's rights (CSRF, DNS rebinding).

The rules are those of Go's ``http.CrossOriginProtection`` (https://pkg.go.dev/net/http#CrossOriginProtection): a
browser names the site of the page in ``Sec-Fetch-Site``; older browsers, and all of them over plain HTTP, name it in
``Origin``. A page can change neither header, and a program sends neither. A page whose own host name resolves to this
service (DNS rebinding) passes both checks; the check of ``Host`` refuses it, where ALLOWED_HOSTS is set.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from flask import Flask, Request, request

from shared.errors import BadRequest

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing; without CORS headers no other page can read their answers."""

OWN_PAGES = ("same-origin", "none")
"""``Sec-Fetch-Site`` of the service's own pages, and of a typed address (https://www.w3.org/TR/fetch-metadata/)."""

PROBES = ("/v2/health/live", "/v2/health/ready")
"""Exempt from the check of ``Host``: probes use an IP address, and the answers contain nothing of value."""

DEFAULT_PORTS = {"http": 80, "https": 443}


def refuse_other_sites(app: Flask, allowed_hosts: Sequence[str]) -> None:
    """Make an app refuse requests of other sites' pages before any other work is done for them.

    Args:
        app: the app; all its routes are guarded.
        allowed_hosts: values that ``Host`` may have, in lower case, each with or without a TCP port; empty for any.
    """

    def check() -> None:
        if allowed_hosts and request.path not in PROBES:
            check_host(request, allowed_hosts)
        if request.method not in SAFE_METHODS:
            check_site(request)

    app.before_request(check)


def check_site(incoming: Request) -> None:
    """Refuse a request that a page of another site sent.

    Raises:
        BadRequest: with status 403.
    """
    site, origin = incoming.headers.get("Sec-Fetch-Site"), incoming.headers.get("Origin")
    is_own = site in OWN_PAGES if site else origin is None or _is_origin_of(origin, incoming.headers.get("Host", ""))
    if not is_own:
        raise BadRequest(
            f"A page of another site ({(origin or 'unnamed')[:100]!r}) sent this request, which is not allowed; use "
            "the service's own page, or a program.",
            403,
            "cross_site",
        )


def check_host(incoming: Request, allowed: Sequence[str]) -> None:
    """Refuse a request whose ``Host`` is not a name of the service; a browser always sends ``Host``.

    Raises:
        BadRequest: with status 403.
    """
    host = incoming.headers.get("Host", "").lower()
    host_url = _parsed(f"//{host}")
    name = host_url.netloc.removesuffix(f":{host_url.port}") if host_url and host_url.port else host
    if host and not {host, name} & set(allowed):
        raise BadRequest(
            f"The Host header is {host[:100]!r}, expected a name of this service; ALLOWED_HOSTS lists them.",
            403,
            "unknown_host",
        )


def _is_origin_of(origin: str, host: str) -> bool:
    """Return whether an origin is of a host. The scheme is not compared: TLS ends before the request arrives here."""
    page, host_url = _parsed(origin), _parsed(f"//{host}")
    if not page or not host_url or not page.hostname:
        return False
    default = DEFAULT_PORTS.get(page.scheme)
    return (page.hostname, page.port or default) == (host_url.hostname, host_url.port or default)


def _parsed(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # urlsplit checks the TCP port only when it is read
    except ValueError:
        return None
    return parts
