"""The plan of a load test: its target, rate, duration and bounds."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.errors import BadRequest

LONGEST_S = 900
MOST_REQUESTS = 200_000
MOST_USD = 20.0
LOCAL_NAMES = ("localhost", "ip6-localhost")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Target:
    """The validated base URL of a deployment."""

    url: str
    """The URL without a slash at the end."""
    host: str
    is_secure: bool
    """Whether its scheme is HTTPS."""

    @property
    def literal(self) -> Address | None:
        """The address, if the host is typed as an address."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def is_local(self) -> bool:
        """Whether the host is this machine."""
        return self.host in LOCAL_NAMES or (self.literal is not None and self.literal.is_loopback)


def checked_target(url: str, again: str | None, token: str | None) -> Target:
    """Return the target of a load test.

    Args:
        url: the URL of classify-request, without a path.
        again: the same URL again, because one that is pasted by mistake would get thousands of requests.
        token: the token that would be sent with every request.

    Raises:
        BadRequest: the URLs differ, or the URL may not be loaded, or the token would be sent in clear.
    """
    if again is None or url.rstrip("/") != again.rstrip("/"):
        raise BadRequest(
            f"The second URL is {again!r}, expected {url!r} once more: a load test costs money and can stop a "
            f"service for others. If you mean it: bucketlens load {url} --again {url}"
        )
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BadRequest(
            f"The URL is {url!r}, expected one such as https://classify-request-….run.app ({error})."
        ) from error
    if parts.scheme not in ("http", "https") or not host:
        raise BadRequest(f"The URL is {url!r}, expected one that begins with https:// or http://.")
    if parts.username is not None or parts.query or parts.fragment or parts.path.strip("/"):
        raise BadRequest(
            f"The URL is {url!r}, expected scheme and host alone: no path, question mark, # or name before @."
        )
    target = Target(url.rstrip("/"), host, parts.scheme == "https")
    if target.literal is not None and (target.literal.is_link_local or target.literal.is_multicast):
        raise BadRequest(
            f"{host} cannot be the address of a deployment: it is link-local, where metadata servers are, or multicast."
        )
    if token and not target.is_secure and not target.is_local:
        raise BadRequest(f"The token would be sent to {url} in clear; expected an https:// URL, or no token.")
    return target


def is_surprising(target: Target, address: str, *, allow_private: bool) -> bool:
    """Return whether a name resolves to an address that the URL does not show: a private one, or this machine.

    Args:
        target: the target as typed.
        address: the address to which its name resolved.
        allow_private: whether a private address is expected; link-local ones are always surprising.
    """
    resolved = ipaddress.ip_address(address.split("%")[0])
    if target.host in LOCAL_NAMES:
        return not resolved.is_loopback
    if resolved.is_global:
        return False
    return (
        not allow_private
        or resolved.is_link_local
        or resolved.is_loopback
        or resolved.is_multicast
        or resolved.is_unspecified
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run: an open loop at a rate, or a closed loop with a number of clients.

    An open loop sends whether or not answers come, as independent users do. In a closed loop each client waits for its
    answer, so a slow service gets fewer requests.
    """

    seconds: float
    rate: float | None = None
    """The requests per second; None for a closed loop."""
    clients: int = 8
    """The clients of a closed loop, or the most connections of an open loop."""
    max_requests: int = 20_000
    max_usd: float = 1.0
    """The most money, in the most expensive case: every request alone on an instance."""

    def __post_init__(self) -> None:
        """Refuse a plan without bounds.

        Raises:
            BadRequest: a figure is out of its range.
        """
        ranges = {
            "seconds": (self.seconds, LONGEST_S),
            "rate": (1 if self.rate is None else self.rate, 2000),
            "clients": (self.clients, 1000),
            "max_requests": (self.max_requests, MOST_REQUESTS),
            "max_usd": (self.max_usd, MOST_USD),
        }
        for name, (value, most) in ranges.items():
            if not 0 < value <= most:
                raise BadRequest(f"{name} is {value}, expected more than 0 and at most {most:,}.")
