"""Protect every port of a local cloud against pages in the user's browser.

The local cloud has no sign-in, so every program that reaches a port may use it, and a browser reaches 127.0.0.1 for
every page that it shows. A page's request is recognised by Sec-Fetch-Site, in older browsers by Origin, if the page is
of another site, and by Host if a domain of the page resolves to 127.0.0.1 (DNS rebinding). Programs send neither of the
first two headers.

https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

LOCAL = frozenset(("127.0.0.1", "localhost", "::1"))
OWN_PAGES = ("same-origin", "none")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Refuse = Callable[[int, str], web.Response]


def guard(refuse: Refuse, names: Collection[str] | None = LOCAL, *, may_be_linked: bool = False) -> Middleware:
    """Return the middleware that refuses (403) requests of pages of other sites; it must be the first one.

    Args:
        refuse: builds the answer from a status and a sentence.
        names: the server's host names, in lower case; None for any.
        may_be_linked: whether a link on another site's page may lead to the server.
    """

    @web.middleware
    async def refuse_other_sites(request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = fault_of(request.method, request.headers, names, may_be_linked=may_be_linked)
        return refuse(403, fault) if fault else await handler(request)

    return refuse_other_sites


def fault_of(
    method: str, headers: Mapping[str, str], names: Collection[str] | None, *, may_be_linked: bool = False
) -> str | None:
    """Return why a request is refused; None if it is not."""
    host, origin, site = headers.get("Host", ""), headers.get("Origin"), headers.get("Sec-Fetch-Site")
    if names is not None and _name_of(f"//{host}") not in names:
        return f"This service does not answer to the name {host[:100]!r}; use {' or '.join(sorted(names))}."
    if site is None:
        is_own = origin is None or _is_own_origin(origin, host, names or ())
    else:
        is_own = site in OWN_PAGES or (may_be_linked and _is_link(method, headers))
    return None if is_own else f"A page of another site ({(origin or 'unnamed')[:100]!r}) may not use this service."


def _is_link(method: str, headers: Mapping[str, str]) -> bool:
    mode_and_target = (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest"))
    return method in ("GET", "HEAD") and mode_and_target == ("navigate", "document")


def _is_own_origin(origin: str, host: str, names: Collection[str]) -> bool:
    """Return whether an origin is the service itself, by any of its names and the same port."""
    scheme, _, address = origin.partition("://")
    name, own = _name_of(f"//{address}"), _name_of(f"//{host}")
    return scheme in ("http", "https") and (name == own or name in names) and _port_of(address) == _port_of(host)


def _port_of(address: str) -> str:
    return address.rpartition("]")[2].partition(":")[2]


def _name_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
