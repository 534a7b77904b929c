"""What stands before every port of a local cloud: a page in somebody's browser may not use it.

Nobody signs in on a laptop, so whoever reaches a port may use it; a browser reaches 127.0.0.1 for every page that it
shows. It tells of such a request: by Sec-Fetch-Site, older ones by Origin, where the page is of another place, and by
Host where a name of the page's own leads to 127.0.0.1 (DNS rebinding). A program sends neither of the first two.

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
    """Return the middleware that refuses (403) what another page's browser sends. It comes before all others.

    Args:
        refuse: makes the answer, of a status and a sentence.
        names: by which the part is called, in lower case; None for any.
        may_be_linked: whether a link on another page may lead here.
    """

    @web.middleware
    async def only_from_here(request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = fault_of(request.method, request.headers, names, may_be_linked=may_be_linked)
        return refuse(403, fault) if fault else await handler(request)

    return only_from_here


def fault_of(
    method: str, headers: Mapping[str, str], names: Collection[str] | None, *, may_be_linked: bool = False
) -> str | None:
    """Return why a request is refused; None if it is not."""
    host, origin, site = headers.get("Host", ""), headers.get("Origin"), headers.get("Sec-Fetch-Site")
    if names is not None and _name_of(f"//{host}") not in names:
        return f"This service does not answer to the name {host[:100]!r}; it is called {' or '.join(sorted(names))}."
    if site is None:
        is_own = origin is None or _is_ours(origin, host, names or ())
    else:
        is_own = site in OWN_PAGES or (may_be_linked and _is_link(method, headers))
    return None if is_own else f"A page of another place ({(origin or 'unnamed')[:100]!r}) may not use this service."


def _is_link(method: str, headers: Mapping[str, str]) -> bool:
    asked = (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest"))
    return method in ("GET", "HEAD") and asked == ("navigate", "document")


def _is_ours(origin: str, host: str, names: Collection[str]) -> bool:
    """Tell whether an origin is the service itself, by any of its names and the same port."""
    scheme, _, place = origin.partition("://")
    name, own = _name_of(f"//{place}"), _name_of(f"//{host}")
    return scheme in ("http", "https") and (name == own or name in names) and _port_of(place) == _port_of(host)


def _port_of(place: str) -> str:
    return place.rpartition("]")[2].partition(":")[2]


def _name_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
