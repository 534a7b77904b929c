"""Send the requests of a plan, and stop at the first of its bounds."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.errors import BadRequest
from shared.operations.load.cost import dearest_usd
from shared.operations.load.figures import Ending, Run, Sample
from shared.operations.load.plan import Plan


class Reply(Protocol):
    """The answer to a request."""

    @property
    def status(self) -> int:
        """The HTTP status, or 0 without an answer."""

    @property
    def compute_ms(self) -> float | None:
        """The time of decoding and inference that the service reports."""


Send = Callable[[bytes], Awaitable[Reply]]
"""Classifies one picture. Never raises for a failing service; BadRequest ends the run."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The progress of a run."""

    sent: int
    failed: int
    seconds: float
    usd: float
    """The cost so far, in the most expensive case."""


class Drive:
    """One run of a plan, on the running event loop.

    Args:
        plan: the bounds and the rate.
        pictures: sent in turn; at least one.
        send: sends a picture.
        notice: called after each answer.
        recorded: whether requests leave rows, which adds to the cost.
    """

    def __init__(
        self,
        plan: Plan,
        pictures: Sequence[bytes],
        send: Send,
        notice: Callable[[Standing], None] = lambda _: None,
        *,
        recorded: bool = False,
    ) -> None:
        self._plan, self._send, self._notice, self._recorded = plan, send, notice, recorded
        self._pictures = itertools.cycle(pictures)
        self._stopped = asyncio.Event()
        self._samples: list[Sample] = []
        self._ending = Ending.TIME
        self._fault: BadRequest | None = None
        self._sent = self._in_flight = self._failed = 0
        self._busy_s = self._began_in_flight_s = 0.0

    def stop(self) -> None:
        """End the run now with the answers so far; a signal handler of the loop may call this."""
        self._end(Ending.INTERRUPTED)

    async def run(self) -> Run:
        """Carry out the plan; return when every answer has arrived, or immediately after ``stop``.

        Raises:
            BadRequest: ``send`` refused.
        """
        self._clock = asyncio.get_running_loop().time
        self._started_s = self._clock()
        self._ends_at_s = self._started_s + self._plan.seconds
        late = 0
        tasks: set[asyncio.Task[None]] = set()
        if self._plan.rate is None:
            tasks |= {asyncio.create_task(self._client()) for _ in range(self._plan.clients)}
        else:
            late = await self._at_a_rate(self._plan.rate, tasks)
        if tasks:
            await self._finish(tasks)
        if self._fault:
            raise self._fault
        ended_s = max([self._started_s, *(sample.ended_s for sample in self._samples)])
        return Run(tuple(self._samples), ended_s - self._started_s, self._ending, self._in_flight, late)

    async def _client(self) -> None:
        while self._may_continue():
            await self._ask(self._clock())

    async def _at_a_rate(self, rate: float, tasks: set[asyncio.Task[None]]) -> int:
        """Send each request when it is due, or once a connection is free; return how many were never sent."""
        free = asyncio.Semaphore(self._plan.clients)
        for number in range(max(1, int(self._plan.seconds * rate))):
            due_s = self._started_s + number / rate
            await self._pause(due_s - self._clock())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._ends_at_s):
                    await self._first(free.acquire())
            if not self._may_continue():
                due_by_now = int((self._clock() - self._started_s) * rate)
                return max(0, due_by_now - number) if self._ending is Ending.TIME else 0
            task = asyncio.create_task(self._ask(due_s))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            task.add_done_callback(lambda _: free.release())
        return 0

    async def _ask(self, due_s: float) -> None:
        sent_s = self._clock()
        self._sent += 1
        self._in_flight += 1
        self._began_in_flight_s += sent_s
        try:
            reply = await self._send(next(self._pictures))
        except BadRequest as error:
            self._fault = error
            self._end(Ending.INTERRUPTED)
            return
        ended_s = self._clock()
        self._in_flight -= 1
        self._began_in_flight_s -= sent_s
        self._busy_s += ended_s - sent_s
        self._failed += reply.status != 200
        self._samples.append(Sample(due_s, sent_s, ended_s, reply.status, reply.compute_ms))
        self._notice(Standing(self._sent, self._failed, ended_s - self._started_s, self._usd()))

    def _may_continue(self) -> bool:
        if self._stopped.is_set() or self._clock() >= self._ends_at_s:
            return False
        if self._sent >= self._plan.max_requests:
            self._end(Ending.REQUESTS, is_immediate=False)
            return False
        if self._usd() >= self._plan.max_usd:
            self._end(Ending.MONEY, is_immediate=False)
            return False
        return True

    def _usd(self) -> float:
        busy_s = self._busy_s + self._in_flight * self._clock() - self._began_in_flight_s
        return dearest_usd(busy_s, self._sent, recorded=self._recorded)

    def _end(self, ending: Ending, *, is_immediate: bool = True) -> None:
        self._ending = ending
        if is_immediate:
            self._stopped.set()

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), seconds)

    async def _first(self, awaitable: Awaitable[object]) -> None:
        """Wait for an awaitable, or for ``stop``."""
        waiting = {asyncio.ensure_future(awaitable), asyncio.ensure_future(self._stopped.wait())}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for future in waiting:
                future.cancel()

    async def _finish(self, tasks: set[asyncio.Task[None]]) -> None:
        """Wait for the answers in flight; ``stop`` drops them."""
        all_answered = asyncio.gather(*tasks)
        await self._first(all_answered)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(asyncio.CancelledError):
            await all_answered
