"""The side of the relay that the object store talks to: ``POST /events``."""

from __future__ import annotations

import logging
import random
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from shared.emulators.eventarc.cloudevents import CloudEvent, cloud_event_from
from shared.emulators.eventarc.duplicates import Disorder
from shared.emulators.eventarc.queue import DeliveryQueue

LARGEST_BODY_BYTES = 16 * 1024 * 1024

log = logging.getLogger(__name__)


class Intake:
    """Puts each announcement into the queue before it answers for it.

    Args:
        queue: takes the events.
        on_added: called when it has new ones.
        disorder: what goes wrong with their delivery.
        chance: decides with which, and when.
    """

    def __init__(
        self, queue: DeliveryQueue, on_added: Callable[[], None], disorder: Disorder, chance: random.Random
    ) -> None:
        self._queue = queue
        self._on_added = on_added
        self._disorder = disorder
        self._chance = chance

    async def take(self, request: web.Request) -> web.Response:
        """Queue all events of ``{"events": [{"id": …, "resource": …}]}`` in one commit, or answer 503.

        What is no announcement is left out, with a line in the log: sent again, it would be none again.
        """
        if request.content_type != "application/json":
            return web.json_response({"error": "Events are sent as application/json."}, status=415)
        try:
            events = (await request.json())["events"]
        except (ValueError, KeyError, TypeError):
            return web.json_response({"error": 'Events are a JSON object: {"events": […]}.'}, status=400)
        deliveries: list[tuple[CloudEvent, float]] = []
        for said in events if isinstance(events, list) else []:
            if event := _event_from(said):
                deliveries += [(event, due_at) for due_at in self._disorder.due_times(time.time(), self._chance)]
        try:
            self._queue.add(deliveries)
        except sqlite3.Error as error:
            return web.json_response({"error": f"The relay's queue did not take the events: {error}"}, status=503)
        self._on_added()
        return web.json_response({"taken": len(deliveries)})


def _event_from(said: Any) -> CloudEvent | None:
    try:
        return cloud_event_from(str(said["id"]), said["resource"])
    except (ValueError, KeyError, TypeError) as error:
        log.warning("left out what is no announcement of an upload: %s", error)
        return None
