"""Refuses what a page of another site has a browser send, which adds the person's own rights to it.

The rules are those of Go's ``http.CrossOriginProtection`` (https://pkg.go.dev/net/http#CrossOriginProtection): a
browser says in ``Sec-Fetch-Site`` whose page a request is of, older ones and plain HTTP say it in ``Origin``, and no
page can change either; a program sends neither. A page that makes its own name lead here (DNS rebinding) passes both,
and is refused by the name, where the service knows its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from flask import Flask, Request, request

from shared.errors import BadRequest

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""They change nothing, and without CORS headers no other page can read what they answer."""

OWN_PAGES = ("same-origin", "none")
"""``Sec-Fetch-Site`` of the service's own pages, and of what a person typed (https://www.w3.org/TR/fetch-metadata/)."""

PROBES = ("/v2/health/live", "/v2/health/ready")
"""Asked by address, and they tell nobody anything."""

DEFAULT_PORTS = {"http": 80, "https": 443}


def refuse_other_sites(app: Flask, allowed_hosts: Sequence[str]) -> None:
    """Have an app refuse requests of other sites' pages, before anything else is done for them.

    Args:
        app: all of whose routes are guarded.
        allowed_hosts: names that ``Host`` may have, in lower case, each with or without a port; empty for any.
    """

    def check() -> None:
        if allowed_hosts and request.path not in PROBES:
            check_host(request, allowed_hosts)
        if request.method not in SAFE_METHODS:
            check_site(request)

    app.before_request(check)


def check_site(asked: Request) -> None:
    """Refuse what a page of another site sent.

    Raises:
        BadRequest: with status 403.
    """
    site, origin = asked.headers.get("Sec-Fetch-Site"), asked.headers.get("Origin")
    is_own = site in OWN_PAGES if site else origin is None or _is_origin_of(origin, asked.headers.get("Host", ""))
    if not is_own:
        raise BadRequest(
            f"A page of another site ({(origin or 'unnamed')[:100]!r}) sent this, and may not; use the service's own "
            "page, or a program.",
            403,
            "cross_site",
        )


def check_host(asked: Request, allowed: Sequence[str]) -> None:
    """Refuse a request by a name that is not the service's; one without a name comes from no browser.

    Raises:
        BadRequest: with status 403.
    """
    given = asked.headers.get("Host", "").lower()
    place = _parsed(f"//{given}")
    name = place.netloc.removesuffix(f":{place.port}") if place and place.port else given
    if given and not {given, name} & set(allowed):
        raise BadRequest(
            f"The service does not answer to the name {given[:100]!r}; ALLOWED_HOSTS lists the names that it has.",
            403,
            "unknown_host",
        )


def _is_origin_of(origin: str, host: str) -> bool:
    """Whether a page of this origin was loaded from this host. The scheme is unknown here: TLS ends in front of us."""
    page, here = _parsed(origin), _parsed(f"//{host}")
    if not page or not here or not page.hostname:
        return False
    default = DEFAULT_PORTS.get(page.scheme)
    return (page.hostname, page.port or default) == (here.hostname, here.port or default)


def _parsed(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # is read late, and may be no number
    except ValueError:
        return None
    return parts
