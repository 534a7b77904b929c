"""One lock for each object that somebody works on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from shared.local.storage_proxy.names import ObjectName


class ObjectLocks:
    """Locks by object name; those that nobody holds or waits for take no memory."""

    def __init__(self) -> None:
        self._locks: dict[ObjectName, asyncio.Lock] = {}
        self._users: dict[ObjectName, int] = {}

    @asynccontextmanager
    async def hold(self, *targets: ObjectName) -> AsyncIterator[None]:
        """Hold the locks of all the objects named, for the length of the block."""
        async with AsyncExitStack() as held:
            for target in sorted(
                set(targets)
            ):  # one order for everybody, so that two copies cannot wait for each other
                await held.enter_async_context(self._hold_one(target))
            yield

    @asynccontextmanager
    async def _hold_one(self, target: ObjectName) -> AsyncIterator[None]:
        lock = self._locks.setdefault(target, asyncio.Lock())
        self._users[target] = self._users.get(target, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._users[target] -= 1
            if not self._users[target]:
                del self._users[target], self._locks[target]
