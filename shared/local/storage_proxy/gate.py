"""What every handler of the proxy works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from shared.local.storage_proxy.locks import ObjectLocks
from shared.local.storage_proxy.routes import Route
from shared.local.storage_proxy.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Gate:
    """The store, and the locks of its objects."""

    upstream: Upstream
    locks: ObjectLocks = field(default_factory=ObjectLocks)


WHOLE_BODY = "whole_body"
"""Set on a request whose answer a fault will spoil: it must not be on its way before the fault strikes."""

Handler = Callable[[web.Request, Route, Gate], Awaitable[web.StreamResponse]]
