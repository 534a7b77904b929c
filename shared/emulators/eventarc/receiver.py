"""Receive the object store's announcements: ``POST /events``."""

from __future__ import annotations

import logging
import random
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from shared.emulators.eventarc.cloudevents import CloudEvent, cloud_event_from
from shared.emulators.eventarc.duplicates import Duplicates
from shared.emulators.eventarc.queue import DeliveryQueue

LARGEST_BODY_BYTES = 16 * 1024 * 1024

log = logging.getLogger(__name__)


class Receiver:
    """Queues every announcement before it answers.

    Args:
        queue: the queue of the events.
        on_added: called when the queue has new events.
        disorder: shares of events that are duplicated, delayed or lost.
        chance: random numbers for these shares.
    """

    def __init__(
        self, queue: DeliveryQueue, on_added: Callable[[], None], disorder: Duplicates, chance: random.Random
    ) -> None:
        self._queue = queue
        self._on_added = on_added
        self._disorder = disorder
        self._chance = chance

    async def take(self, request: web.Request) -> web.Response:
        """Queue all events of ``{"events": [{"id": …, "resource": …}]}`` in one commit, or answer 503.

        An entry that is not an announcement is ignored with a log line, since sending it again would not help.
        """
        if request.content_type != "application/json":
            return web.json_response({"error": "Send events with Content-Type: application/json."}, status=415)
        try:
            events = (await request.json())["events"]
        except (ValueError, KeyError, TypeError):
            return web.json_response({"error": 'The body must be a JSON object: {"events": […]}.'}, status=400)
        deliveries: list[tuple[CloudEvent, float]] = []
        for announcement in events if isinstance(events, list) else []:
            if event := _event_from(announcement):
                deliveries += [(event, due_at) for due_at in self._disorder.due_times(time.time(), self._chance)]
        try:
            self._queue.add(deliveries)
        except sqlite3.Error as error:
            return web.json_response({"error": f"The relay's queue could not store the events: {error}"}, status=503)
        self._on_added()
        return web.json_response({"taken": len(deliveries)})


def _event_from(announcement: Any) -> CloudEvent | None:
    try:
        return cloud_event_from(str(announcement["id"]), announcement["resource"])
    except (ValueError, KeyError, TypeError) as error:
        log.warning("ignored an entry that is not an announcement of an upload: %s", error)
        return None
