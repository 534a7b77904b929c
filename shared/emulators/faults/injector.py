"""Injects faults into a web application as its middleware, and keeps the record of its requests."""

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
"""Paths of ours: neither recorded nor struck."""

WHOLE_BODY = web.RequestKey("whole_body", bool)
"""Set on a request whose answer a fault will spoil: it must not be on its way before the fault strikes."""

CLIENT_CLOSED_REQUEST = 499
CLOSE_WITH_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: the peer gets a reset, not an orderly end."""

LOOK_S = 0.01
"""How often a held request looks whether it may go on, or whether its client is gone."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ErrorAnswer = Callable[[int, str, str | None], web.Response]
Spoil = Callable[[web.Request, Handler, Fault], Awaitable[web.StreamResponse]]


async def _no_row_ids(_request: web.Request) -> tuple[str | None, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Service:
    """What differs from one service to another."""

    name: str
    error: ErrorAnswer
    """Makes an error as the service writes it: status, message, and reason or None."""
    kinds: Mapping[str, Spoil] = field(default_factory=dict)
    """Faults that only this service has; each answers the request, with the handler's help or without."""
    row_ids: Callable[[web.Request], Awaitable[tuple[str | None, ...]]] = _no_row_ids
    """insertIds of the rows that a request brings."""
    never_struck: tuple[str, ...] = ()
    """Paths, beside those under ``PREFIX``."""


class Injector:
    """The faults that are set on a service, the record of its requests, and the middleware that sees to both.

    Args:
        service: what to inject into.
        seed: makes the faults with a probability the same on every run.
    """

    def __init__(self, service: Service, seed: int | None = None) -> None:
        self.service = service
        self.faults = Faults(service.kinds, seed)
        self.records = Records(service.name)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through, spoilt where a fault says so, and record it."""
        if request.path.startswith(PREFIX) or request.path in self.service.never_struck:
            return await handler(request)
        fault = self.faults.strike(request)
        record = self.records.begin(request, fault)
        status = CLIENT_CLOSED_REQUEST
        try:
            record.row_ids = await self.service.row_ids(request)
            answer = await (self._spoilt(request, handler, fault, record) if fault else handler(request))
            status = answer.status
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            self.records.end(record, status)
        return answer

    async def _spoilt(self, request: web.Request, handler: Handler, fault: Fault, record: Record) -> web.StreamResponse:
        request[WHOLE_BODY] = True
        if special := self.service.kinds.get(fault.kind):
            return await special(request, handler, fault)
        answer = await handler(request) if fault.after or fault.kind == "truncate" else None
        if fault.kind == "stall":
            await self._held(request, fault, record)
            if answer is None and is_gone(request) and not fault.late:
                return web.Response(status=CLIENT_CLOSED_REQUEST)
            return answer or await handler(request)
        if fault.kind == "truncate" and answer is not None:
            return await _truncated(request, answer)
        if fault.kind == "reset":
            _reset(request)
            return web.Response(status=answer.status if answer else CLIENT_CLOSED_REQUEST)
        message = f"This failure was asked for: a fault is set on the local {self.service.name}."
        return self.service.error(fault.status, message, fault.reason)

    async def _held(self, request: web.Request, fault: Fault, record: Record) -> None:
        record.state = HELD
        until = time.monotonic() + fault.seconds
        while time.monotonic() < until and self.faults.is_set(fault) and not is_gone(request):
            await asyncio.sleep(LOOK_S)
        record.state = WORKING


def is_gone(request: web.Request) -> bool:
    """Tell whether a request's client has hung up."""
    return request.transport is None or request.transport.is_closing()


async def _truncated(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """Send the headers and half of the body of an answer, then reset the connection."""
    body = bytes(answer.body) if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b""
    cut = web.StreamResponse(status=answer.status, headers=answer.headers)
    cut.content_length = len(body)
    await cut.prepare(request)
    await cut.write(body[: len(body) // 2])
    await asyncio.sleep(0)
    _reset(request)
    return cut


def _reset(request: web.Request) -> None:
    if request.transport is None:
        return
    if connection := request.transport.get_extra_info("socket"):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, CLOSE_WITH_RESET)
    request.transport.abort()
