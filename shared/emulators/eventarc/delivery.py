"""Posts events to their target, again and again until it takes them or they are too old."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from shared.emulators.eventarc.queue import Delivery, DeliveryQueue

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """How hard the courier tries. Eventarc: 24 hours, 10 to 600 s between attempts."""

    target: str
    concurrency: int = 4
    first_pause_s: float = 0.2
    longest_pause_s: float = 10.0
    give_up_after_s: float = 24 * 3600.0
    answer_timeout_s: float = 60.0


@dataclass(slots=True)
class Counts:
    """What happened since the relay started."""

    delivered: int = 0
    attempts: int = 0
    failed_attempts: int = 0
    dropped: int = 0


class Courier:
    """Takes deliveries from a queue when they are due, a few at a time; copies due at the same instant go together.

    Args:
        queue: of deliveries.
        policy: how hard it tries.
        session: makes the calls.
        chance: spreads the pauses.
        target_of: the URL for an event's id, where it is not always the policy's.
    """

    def __init__(
        self,
        queue: DeliveryQueue,
        policy: Policy,
        session: aiohttp.ClientSession,
        chance: random.Random,
        target_of: Callable[[str], str] | None = None,
    ) -> None:
        self.counts = Counts()
        self._queue = queue
        self._policy = policy
        self._session = session
        self._chance = chance
        self._target_of = target_of or (lambda _event_id: policy.target)
        self._news = asyncio.Event()
        self._free = asyncio.Semaphore(policy.concurrency)
        self._on_the_way: set[asyncio.Task[None]] = set()
        self._is_failing = False

    def wake(self) -> None:
        """Tell that the queue has news."""
        self._news.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            await self._free.acquire()
            copies = await self._next_due()
            task = asyncio.create_task(self._deliver_together(copies))
            self._on_the_way.add(task)
            task.add_done_callback(self._landed)

    async def finish(self, patience_s: float) -> None:
        """Wait for what is on its way; what takes longer is given up here and stays in the queue."""
        if self._on_the_way:
            _, late = await asyncio.wait(self._on_the_way, timeout=patience_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _next_due(self) -> list[Delivery]:
        while True:
            due_at = self._queue.next_due_at()
            wait_s = None if due_at is None else due_at - time.time()
            if wait_s is not None and wait_s <= 0:
                return self._queue.take_copies()
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), wait_s)

    async def _deliver_together(self, copies: list[Delivery]) -> None:
        await asyncio.gather(*(self._deliver(delivery) for delivery in copies))

    async def _deliver(self, delivery: Delivery) -> None:
        age_s = time.time() - delivery.added_at
        if age_s > self._policy.give_up_after_s:
            self.counts.dropped += 1
            log.warning("dropped event %s after %d attempts in %.0f s", delivery.event.id, delivery.attempts, age_s)
            self._queue.done(delivery)
            return
        self.counts.attempts += 1
        if failure := await self._post(delivery):
            self.counts.failed_attempts += 1
            self._queue.put_off(delivery, time.time() + self._pause_s(delivery.attempts))
        else:
            self.counts.delivered += 1
            self._queue.done(delivery)
        if bool(failure) != self._is_failing:
            self._is_failing = bool(failure)
            log.warning("%s %s", self._policy.target, failure or "takes events again")

    async def _post(self, delivery: Delivery) -> str | None:
        """Return what went wrong, or None if the target took the event."""
        event = delivery.event
        try:
            target = self._target_of(event.id)
            async with self._session.post(target, headers=event.headers, data=event.body) as answer:
                await answer.read()
                return None if 200 <= answer.status < 300 else f"answered {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"did not answer ({type(error).__name__})"

    def _pause_s(self, attempts: int) -> float:
        """Exponential back-off with full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter."""
        ceiling = min(self._policy.longest_pause_s, self._policy.first_pause_s * 2 ** min(attempts, 30))
        return self._chance.uniform(0, ceiling)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._on_the_way.discard(task)
        self._free.release()
        self.wake()
        if not task.cancelled() and (error := task.exception()):
            log.error("a delivery failed in a way that is a fault of the relay", exc_info=error)
