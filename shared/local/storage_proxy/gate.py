"""What every handler of the proxy works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from shared.local.storage_proxy.locks import ObjectLocks
from shared.local.storage_proxy.names import ObjectName
from shared.local.storage_proxy.preconditions import Preconditions
from shared.local.storage_proxy.routes import Route
from shared.local.storage_proxy.upstream import Upstream
from shared.local.storage_proxy.versions import Versions


@dataclass(frozen=True, slots=True)
class Gate:
    """The store, the locks of its objects, and their versions."""

    upstream: Upstream
    versions: Versions
    locks: ObjectLocks = field(default_factory=ObjectLocks)

    async def prepare_write(self, target: ObjectName, demands: Preconditions) -> None:
        """Check what a write demands, and keep the version that it will overwrite. Hold the object's lock.

        Raises:
            Refused: 412, the object is not in the state demanded; 503, its version cannot be kept.
        """
        keeps_versions = await self.versions.are_kept_in(target.bucket)
        if not demands and not keeps_versions:
            return
        live = await self.upstream.live(target)
        demands.check_target(live)
        if keeps_versions and live:
            await self.versions.keep(target, live.generation)


Handler = Callable[[web.Request, Route, Gate], Awaitable[web.StreamResponse]]
