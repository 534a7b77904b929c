"""Announce finished uploads to the relay. An announcement stays in the index until the relay has it.

An announcement can be sent twice, with the same id, if the process is killed between sending and removing it.
"""

from __future__ import annotations

import asyncio
import json
import logging

import aiohttp

from shared.emulators.storage.store import Store
from shared.emulators.storage.writer import Transaction

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0
MOST_AT_ONCE = 100
QUIET_S = 0.5
"""Idle time until sent announcements are removed, so that the disk is free for the writes of uploads."""
TIMEOUT = aiohttp.ClientTimeout(total=10)

log = logging.getLogger(__name__)


class Announcer:
    """Sends a store's announcements in their order.

    Args:
        store: the store with the announcements.
        url: URL of the relay.
    """

    def __init__(self, store: Store, url: str) -> None:
        self._store = store
        self._url = f"{url.rstrip('/')}/events"
        self._has_new = asyncio.Event()
        self._sent = self._forgotten = 0
        store.on_announced = self._has_new.set

    async def run(self) -> None:
        """Send until cancelled."""
        pause_s = FIRST_PAUSE_S
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            while True:
                self._has_new.clear()
                waiting = self._next()
                if not waiting:
                    await self._wait_for_new()
                elif await self._send(session, waiting):
                    self._sent, pause_s = waiting[-1][0], FIRST_PAUSE_S
                else:
                    await asyncio.sleep(pause_s)
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    @property
    def waiting(self) -> int:
        """Number of announcements that the relay does not have yet."""
        count = "SELECT COUNT(*) FROM announcements WHERE number > ?"
        return int(self._store.db.execute(count, (self._sent,)).fetchone()[0])

    async def forget_sent(self) -> None:
        """Remove the sent announcements from the index."""
        if self._sent > self._forgotten:
            sent = self._sent
            await self._store.write(lambda transaction: _forget(transaction, sent))
            self._forgotten = sent

    def _next(self) -> list[tuple[int, str, str]]:
        select = "SELECT number, id, resource FROM announcements WHERE number > ? ORDER BY number LIMIT ?"
        return self._store.db.execute(select, (self._sent, MOST_AT_ONCE)).fetchall()

    async def _wait_for_new(self) -> None:
        try:
            await asyncio.wait_for(self._has_new.wait(), QUIET_S)
        except TimeoutError:
            await self.forget_sent()
            await self._has_new.wait()

    async def _send(self, session: aiohttp.ClientSession, waiting: list[tuple[int, str, str]]) -> bool:
        events = [{"id": event_id, "resource": json.loads(resource)} for _, event_id, resource in waiting]
        try:
            async with session.post(self._url, json={"events": events}) as answer:
                if answer.status == 200:
                    return True
                log.warning("the relay answered %d to %d announcements", answer.status, len(events))
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass  # the relay is not running; run() retries
        return False


def _forget(transaction: Transaction, sent: int) -> None:
    transaction.db.execute("DELETE FROM announcements WHERE number <= ?", (sent,))
