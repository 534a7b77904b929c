"""Middleware that injects faults into a web application and records its requests."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from shared.emulators.faults.fault import Fault, Faults
from shared.emulators.faults.record import HELD, WORKING, Record, Records

PREFIX = "/_bucketlens/"
"""Prefix of the emulators' own paths, which are neither recorded nor struck."""

WHOLE_BODY = web.RequestKey("whole_body", bool)
"""Set on a request whose answer a fault will change: no part of it may be sent before the fault strikes."""

CLIENT_CLOSED_REQUEST = 499
CLOSE_WITH_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: the peer gets a reset, not a normal close."""

POLL_S = 0.01
"""How often a held request checks whether it may continue or its client has disconnected."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ErrorAnswer = Callable[[int, str, str | None], web.Response]
FaultHandler = Callable[[web.Request, Handler, Fault], Awaitable[web.StreamResponse]]


async def _no_row_ids(_request: web.Request) -> tuple[str | None, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Service:
    """The service that an injector works on."""

    name: str
    error: ErrorAnswer
    """Builds an error in the service's format from status, message, and reason or None."""
    kinds: Mapping[str, FaultHandler] = field(default_factory=dict)
    """Kinds of faults that only this service has, each with a function that answers the request; it may call the
    handler."""
    row_ids: Callable[[web.Request], Awaitable[tuple[str | None, ...]]] = _no_row_ids
    """Returns the insertIds of a request's rows."""
    never_struck: tuple[str, ...] = ()
    """Paths that are never struck, in addition to those under ``PREFIX``."""


class Injector:
    """The faults of a service, the record of its requests, and the middleware that applies them.

    Args:
        service: the service.
        seed: makes the faults with a probability the same on every run.
    """

    def __init__(self, service: Service, seed: int | None = None) -> None:
        self.service = service
        self.faults = Faults(service.kinds, seed)
        self.records = Records(service.name)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pass a request to its handler, or apply the fault that strikes it, and record it."""
        if request.path.startswith(PREFIX) or request.path in self.service.never_struck:
            return await handler(request)
        fault = self.faults.strike(request)
        record = self.records.begin(request, fault)
        status = CLIENT_CLOSED_REQUEST
        try:
            record.row_ids = await self.service.row_ids(request)
            answer = await (self._with_fault(request, handler, fault, record) if fault else handler(request))
            status = answer.status
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            self.records.end(record, status)
        return answer

    async def _with_fault(
        self, request: web.Request, handler: Handler, fault: Fault, record: Record
    ) -> web.StreamResponse:
        request[WHOLE_BODY] = True
        if special := self.service.kinds.get(fault.kind):
            return await special(request, handler, fault)
        answer = await handler(request) if fault.after or fault.kind == "truncate" else None
        if fault.kind == "stall":
            await self._hold(request, fault, record)
            if answer is None and is_gone(request) and not fault.late:
                return web.Response(status=CLIENT_CLOSED_REQUEST)
            return answer or await handler(request)
        if fault.kind == "truncate" and answer is not None:
            return await _truncated(request, answer)
        if fault.kind == "reset":
            _reset(request)
            return web.Response(status=answer.status if answer else CLIENT_CLOSED_REQUEST)
        message = f"This failure was injected by a fault that is set on the local {self.service.name}."
        return self.service.error(fault.status, message, fault.reason)

    async def _hold(self, request: web.Request, fault: Fault, record: Record) -> None:
        record.state = HELD
        until = time.monotonic() + fault.seconds
        while time.monotonic() < until and self.faults.is_set(fault) and not is_gone(request):
            await asyncio.sleep(POLL_S)
        record.state = WORKING


def is_gone(request: web.Request) -> bool:
    """Return whether a request's client has disconnected."""
    return request.transport is None or request.transport.is_closing()


async def _truncated(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """Send the headers and half of the body of an answer, then reset the connection."""
    body = bytes(answer.body) if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b""
    partial = web.StreamResponse(status=answer.status, headers=answer.headers)
    partial.content_length = len(body)
    await partial.prepare(request)
    await partial.write(body[: len(body) // 2])
    await asyncio.sleep(0)
    _reset(request)
    return partial


def _reset(request: web.Request) -> None:
    if request.transport is None:
        return
    if connection := request.transport.get_extra_info("socket"):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, CLOSE_WITH_RESET)
    request.transport.abort()
