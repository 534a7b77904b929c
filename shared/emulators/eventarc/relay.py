"""The relay as a whole: takes announcements, delivers events, tells its state; all by HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from shared.emulators.eventarc.delivery import Courier, Policy
from shared.emulators.eventarc.duplicates import Disorder
from shared.emulators.eventarc.queue import DeliveryQueue
from shared.emulators.eventarc.receiver import LARGEST_BODY_BYTES, Intake
from shared.emulators.loopback.guard import guard
from shared.emulators.loopback.sockets import LOOPBACK, given
from shared.local.releases.routing import Router

STOP_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Options:
    """Where a relay listens, what it keeps, and how it delivers."""

    port: int
    descriptor: int | None
    """Of a socket that listens there already, if any."""
    queue: Path
    policy: Policy
    disorder: Disorder = field(default_factory=Disorder)
    seed: int | None = None
    router: Router | None = None
    """Finds the revision that takes an event; None sends all to the policy's target."""


async def run_relay(options: Options, stop: asyncio.Event) -> None:
    """Relay events until told to stop; then give those on their way a few seconds. The rest stays in the queue.

    Raises:
        OSError: a port is taken.
        QueueUnusable: another relay has the queue.
    """
    chance = random.Random(options.seed)  # noqa: S311 - spreads pauses, keeps no secret
    timeout = aiohttp.ClientTimeout(total=options.policy.answer_timeout_s)
    async with contextlib.AsyncExitStack() as closing:
        queue = closing.enter_context(contextlib.closing(DeliveryQueue(options.queue)))
        session = await closing.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        courier = Courier(queue, options.policy, session, chance, _target_of(options.router))
        intake = Intake(queue, courier.wake, options.disorder, chance)
        await _open(queue, courier, intake, options, closing)
        running = asyncio.create_task(courier.run())
        await asyncio.wait({running, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
        await courier.finish(STOP_PATIENCE_S)
        with contextlib.suppress(asyncio.CancelledError):
            await running  # raises what ended it, if it ended by itself


def _target_of(router: Router | None) -> Callable[[str], str] | None:
    return (lambda event_id: f"{router.url(event_id)}/") if router else None


async def _open(
    queue: DeliveryQueue, courier: Courier, intake: Intake, options: Options, closing: contextlib.AsyncExitStack
) -> None:
    """Answer ``POST /events``; ``GET /status``: what is pending, and what was done; ``GET`` and ``PUT /disorder``."""

    async def status(_request: web.Request) -> web.Response:
        oldest = queue.oldest_added_at()
        age_s = round(time.time() - oldest, 3) if oldest is not None else 0.0
        return web.json_response({"pending": queue.pending, **asdict(courier.counts), "oldest_pending_s": age_s})

    async def show_disorder(_request: web.Request) -> web.Response:
        return web.json_response(asdict(options.disorder))

    async def change_disorder(request: web.Request) -> web.Response:
        try:
            options.disorder.change(await _object(request))
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return await show_disorder(request)

    app = web.Application(middlewares=[guard(_refused)], client_max_size=LARGEST_BODY_BYTES)
    app.router.add_post("/events", intake.take)
    app.router.add_get("/status", status)
    app.router.add_get("/disorder", show_disorder)
    app.router.add_put("/disorder", change_disorder)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    closing.push_async_callback(runner.cleanup)
    listens = given(options.descriptor)
    await (web.SockSite(runner, listens) if listens else web.TCPSite(runner, LOOPBACK, options.port)).start()


async def _object(request: web.Request) -> dict[str, Any]:
    content = await request.json()
    if not isinstance(content, dict):
        raise ValueError(f"This is no JSON object: {content!r}.")  # noqa: TRY004 - answered with 400
    return content


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)
