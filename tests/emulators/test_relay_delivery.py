"""The delivery of events: a slot is released however a delivery ends, and only a 2xx status is a success."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from shared.emulators.eventarc.cloudevents import CloudEvent
from shared.emulators.eventarc.delivery import Delivery, Policy
from shared.emulators.eventarc.queue import DeliveryQueue

POLICY = Policy("http://target.invalid", concurrency=1, first_pause_s=0, longest_pause_s=0)
PATIENCE_S = 60


class Answers:
    """A session that gives these answers, one a call: a status, or an error."""

    def __init__(self, *answers: int | BaseException) -> None:
        self._answers = list(answers)

    @asynccontextmanager
    async def post(self, url: str, **_: Any) -> AsyncIterator[Any]:
        answer = self._answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer

        async def read() -> bytes:
            return b""

        yield SimpleNamespace(status=answer, read=read)


def delivered(folder: Path, events: int, *answers: int | BaseException) -> Delivery:
    """Deliver events until one of them is delivered for each success among the answers."""
    successes = sum(isinstance(answer, int) and 200 <= answer < 300 for answer in answers)

    async def deliver() -> Delivery:
        queue = DeliveryQueue(folder / "queue")
        queue.add([(CloudEvent(str(index), {}, b""), time.time()) for index in range(events)])
        delivery = Delivery(queue, POLICY, Answers(*answers), random.Random(1))  # type: ignore[arg-type]
        running = asyncio.create_task(delivery.run())
        async with asyncio.timeout(PATIENCE_S):
            while delivery.counts.delivered < successes:
                await asyncio.sleep(0)
        running.cancel()
        queue.close()
        return delivery

    return asyncio.run(deliver())


@pytest.mark.parametrize("status", [199, 300, 304, 399, 400, 500])
def test_delivery_is_retried_after_a_failure(tmp_path: Path, status: int) -> None:
    """Nor is a redirect that names no address, which the client does not follow."""
    counts = delivered(tmp_path, 1, status, 200).counts
    assert (counts.delivered, counts.attempts, counts.failed_attempts) == (1, 2, 1)


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_delivery_ends_at_every_2xx_status(tmp_path: Path, status: int) -> None:
    counts = delivered(tmp_path, 1, status).counts
    assert (counts.delivered, counts.failed_attempts) == (1, 0)


@pytest.mark.parametrize(
    "ending", [500, 300, aiohttp.ClientError(), TimeoutError(), OSError(), RuntimeError("a fault")]
)
def test_delivery_slot_is_released_however_a_delivery_ends(tmp_path: Path, ending: int | BaseException) -> None:
    """There is one slot; if it were lost, the next event would never be delivered."""
    assert delivered(tmp_path, 2, ending, 200).counts.delivered == 1
