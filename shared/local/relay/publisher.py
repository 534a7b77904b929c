"""The side of the relay that the object store talks to: as much of Pub/Sub's Publisher as it calls.

Service: https://github.com/googleapis/googleapis/blob/master/google/pubsub/v1/pubsub.proto
"""

from __future__ import annotations

import logging
import random
import sqlite3
import time
import uuid
from collections.abc import Callable
from typing import Any

import grpc.aio
from google.pubsub_v1.types import GetTopicRequest, PublishRequest, PublishResponse, Topic

from shared.local.relay.cloudevents import CloudEvent, cloud_event_from
from shared.local.relay.disorder import Disorder
from shared.local.relay.queue import DeliveryQueue

SERVICE = "google.pubsub.v1.Publisher"
ONE_SERVER_A_PORT = (("grpc.so_reuseport", 0),)

log = logging.getLogger(__name__)


class Publisher:
    """Puts each notification into the queue before it answers for it.

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

    async def publish(self, request: PublishRequest, context: Any) -> PublishResponse:
        """Queue all notifications of a call in one commit. What is no notification is acknowledged and left out."""
        ids = [uuid.uuid4().hex for _ in request.messages]
        deliveries: list[tuple[CloudEvent, float]] = []
        for event_id, message in zip(ids, request.messages, strict=True):
            try:
                event = cloud_event_from(event_id, dict(message.attributes), message.data)
            except ValueError as error:
                log.warning("left out a message: %s", error)
                continue
            deliveries += [(event, due_at) for due_at in self._disorder.due_times(time.time(), self._chance)]
        try:
            self._queue.add(deliveries)
        except sqlite3.Error as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, f"The relay's queue did not take the events: {error}")
        self._on_added()
        return PublishResponse(message_ids=ids)

    async def topic(self, request: GetTopicRequest | Topic, context: Any) -> Topic:
        """Every topic is there."""
        return Topic(name=request.topic if isinstance(request, GetTopicRequest) else request.name)


async def serve(publisher: Publisher, address: str) -> grpc.aio.Server:
    """Start to listen, without encryption, on ``host:port``.

    Raises:
        RuntimeError: the address is taken.
    """
    server = grpc.aio.server(options=ONE_SERVER_A_PORT)
    calls = {
        "Publish": _call(publisher.publish, PublishRequest, PublishResponse),
        "GetTopic": _call(publisher.topic, GetTopicRequest, Topic),
        "CreateTopic": _call(publisher.topic, Topic, Topic),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, calls),))
    server.add_insecure_port(address)
    await server.start()
    return server


def _call(handler: Any, request: Any, response: Any) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        handler, request_deserializer=request.deserialize, response_serializer=response.serialize
    )
