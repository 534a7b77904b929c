"""Post events to their target until it accepts them or they are too old."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from dataclasses import dataclass

import aiohttp

from shared.emulators.eventarc.queue import DeliveryQueue, QueuedEvent

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of a delivery; Eventarc retries for 24 hours with 10 to 600 s between attempts."""

    target: str
    concurrency: int = 4
    first_pause_s: float = 0.2
    longest_pause_s: float = 10.0
    give_up_after_s: float = 24 * 3600.0
    answer_timeout_s: float = 60.0


@dataclass(slots=True)
class Counts:
    """Counts of events and attempts since the relay started."""

    delivered: int = 0
    attempts: int = 0
    failed_attempts: int = 0
    dropped: int = 0


class Delivery:
    """Delivers queued events when they are due, a few in parallel; copies due at the same instant go together.

    Args:
        queue: the queued deliveries.
        policy: the limits.
        session: the HTTP client.
        chance: random numbers for the pauses.
    """

    def __init__(
        self,
        queue: DeliveryQueue,
        policy: Policy,
        session: aiohttp.ClientSession,
        chance: random.Random,
    ) -> None:
        self.counts = Counts()
        self._queue = queue
        self._policy = policy
        self._session = session
        self._chance = chance
        self._has_new = asyncio.Event()
        self._free = asyncio.Semaphore(policy.concurrency)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._is_failing = False

    def wake(self) -> None:
        """Check the queue again, since it has new events."""
        self._has_new.set()

    async def run(self) -> None:
        """Deliver events until cancelled."""
        while True:
            await self._free.acquire()
            copies = await self._next_due()
            task = asyncio.create_task(self._deliver_together(copies))
            self._in_flight.add(task)
            task.add_done_callback(self._finished)

    async def finish(self, timeout_s: float) -> None:
        """Wait up to ``timeout_s`` for events that are being posted; later ones stay in the queue."""
        if self._in_flight:
            _, late = await asyncio.wait(self._in_flight, timeout=timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _next_due(self) -> list[QueuedEvent]:
        while True:
            due_at = self._queue.next_due_at()
            wait_s = None if due_at is None else due_at - time.time()
            if wait_s is not None and wait_s <= 0:
                return self._queue.take_copies()
            self._has_new.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._has_new.wait(), wait_s)

    async def _deliver_together(self, copies: list[QueuedEvent]) -> None:
        await asyncio.gather(*(self._deliver(queued) for queued in copies))

    async def _deliver(self, queued: QueuedEvent) -> None:
        age_s = time.time() - queued.added_at
        if age_s > self._policy.give_up_after_s:
            self.counts.dropped += 1
            log.warning("dropped event %s after %d attempts in %.0f s", queued.event.id, queued.attempts, age_s)
            self._queue.done(queued)
            return
        self.counts.attempts += 1
        if failure := await self._post(queued):
            self.counts.failed_attempts += 1
            self._queue.postpone(queued, time.time() + self._pause_s(queued.attempts))
        else:
            self.counts.delivered += 1
            self._queue.done(queued)
        if bool(failure) != self._is_failing:
            self._is_failing = bool(failure)
            log.warning("%s %s", self._policy.target, failure or "accepts events again")

    async def _post(self, queued: QueuedEvent) -> str | None:
        """Post an event once; return the failure as text, or None if the target accepted it."""
        event = queued.event
        try:
            async with self._session.post(self._policy.target, headers=event.headers, data=event.body) as answer:
                await answer.read()
                return None if 200 <= answer.status < 300 else f"answered {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"did not answer ({type(error).__name__})"

    def _pause_s(self, attempts: int) -> float:
        """Return a random pause: exponential back-off with full jitter.

        https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter
        """
        ceiling = min(self._policy.longest_pause_s, self._policy.first_pause_s * 2 ** min(attempts, 30))
        return self._chance.uniform(0, ceiling)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._free.release()
        self.wake()
        if not task.cancelled() and (error := task.exception()):
            log.error("delivery of an event failed by a fault of the relay", exc_info=error)
