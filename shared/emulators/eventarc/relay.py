"""Run the relay: it receives announcements, delivers events and reports its state, all by HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from shared.emulators.eventarc.delivery import Delivery, Policy
from shared.emulators.eventarc.duplicates import Duplicates
from shared.emulators.eventarc.queue import DeliveryQueue
from shared.emulators.eventarc.receiver import LARGEST_BODY_BYTES, Receiver
from shared.emulators.loopback.guard import guard
from shared.emulators.loopback.sockets import LOOPBACK, inherited_socket

STOP_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a relay."""

    port: int
    descriptor: int | None
    """File descriptor of a socket that already listens on the port, if any."""
    queue: Path
    policy: Policy
    disorder: Duplicates = field(default_factory=Duplicates)
    seed: int | None = None


async def run_relay(options: Options, stop: asyncio.Event) -> None:
    """Relay events until ``stop`` is set; then events in flight get a few seconds, and the rest stays in the queue.

    Raises:
        OSError: the port is taken.
        QueueUnusable: another relay has the queue open.
    """
    chance = random.Random(options.seed)  # noqa: S311 - it spreads pauses, not secrets
    timeout = aiohttp.ClientTimeout(total=options.policy.answer_timeout_s)
    async with contextlib.AsyncExitStack() as closing:
        queue = closing.enter_context(contextlib.closing(DeliveryQueue(options.queue)))
        session = await closing.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        delivery = Delivery(queue, options.policy, session, chance)
        receiver = Receiver(queue, delivery.wake, options.disorder, chance)
        await _serve(queue, delivery, receiver, options, closing)
        running = asyncio.create_task(delivery.run())
        await asyncio.wait({running, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
        await delivery.finish(STOP_TIMEOUT_S)
        with contextlib.suppress(asyncio.CancelledError):
            await running  # raises the error if the delivery failed


async def _serve(
    queue: DeliveryQueue, delivery: Delivery, receiver: Receiver, options: Options, closing: contextlib.AsyncExitStack
) -> None:
    """Serve ``POST /events``, ``GET /status`` (pending events and counts), ``GET`` and ``PUT /disorder``."""

    async def status(_request: web.Request) -> web.Response:
        oldest = queue.oldest_added_at()
        age_s = round(time.time() - oldest, 3) if oldest is not None else 0.0
        return web.json_response({"pending": queue.pending, **asdict(delivery.counts), "oldest_pending_s": age_s})

    async def show_disorder(_request: web.Request) -> web.Response:
        return web.json_response(asdict(options.disorder))

    async def change_disorder(request: web.Request) -> web.Response:
        try:
            options.disorder.change(await _object(request))
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return await show_disorder(request)

    app = web.Application(middlewares=[guard(_refused)], client_max_size=LARGEST_BODY_BYTES)
    app.router.add_post("/events", receiver.take)
    app.router.add_get("/status", status)
    app.router.add_get("/disorder", show_disorder)
    app.router.add_put("/disorder", change_disorder)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    closing.push_async_callback(runner.cleanup)
    listener = inherited_socket(options.descriptor)
    await (web.SockSite(runner, listener) if listener else web.TCPSite(runner, LOOPBACK, options.port)).start()


async def _object(request: web.Request) -> dict[str, Any]:
    content = await request.json()
    if not isinstance(content, dict):
        raise ValueError(f"The body must be a JSON object, not {content!r}.")  # noqa: TRY004 - answered with 400
    return content


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)
