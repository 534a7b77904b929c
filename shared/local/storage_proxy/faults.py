"""Faults on request: answers that are refused, lost, late or cut short, for tests of what clients do then."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from aiohttp import web

from shared.local.storage_proxy.refusals import Refused, error_answer

KINDS = ("status", "reset", "stall", "truncate")
CLOSE_WITH_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: the peer gets a reset, not an orderly end."""


@dataclass
class Fault:
    """What goes wrong, and with which requests."""

    kind: str = "status"
    """``status``: answered with ``status``. ``reset``: the connection is reset. ``stall``: held up for ``seconds``.
    ``truncate``: the first half of the answer's body, then a reset."""
    method: str | None = None
    """None for any."""
    path: str = ""
    """A regular expression, searched in path and query as they came, percent-encoded."""
    status: int = 503
    count: int | None = None
    """How often it still happens; None for as long as it is set."""
    probability: float = 1.0
    seconds: float = 60.0
    after: bool = False
    """Whether the store has done what was asked: the change is made, and its answer is lost."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; it must be one of {', '.join(KINDS)}")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability is {self.probability}; it must be 0 to 1")
        if not 400 <= self.status <= 599:
            raise ValueError(f"status is {self.status}; it must be 400 to 599")
        re.compile(self.path)

    def fits(self, request: web.Request) -> bool:
        """Tell whether a request is one of those meant."""
        is_method = self.method is None or self.method.upper() == request.method
        return is_method and self.count != 0 and re.search(self.path, request.raw_path) is not None


def fault_from(wanted: Mapping[str, Any]) -> Fault:
    """Build a fault from JSON.

    Raises:
        Refused: 400, an unknown key or a value that makes no sense.
    """
    unknown = sorted(set(wanted) - {field.name for field in fields(Fault)})
    if unknown:
        raise Refused(400, f"A fault has no {', '.join(unknown)}; it has {', '.join(f.name for f in fields(Fault))}.")
    try:
        return Fault(**wanted)
    except (ValueError, TypeError, re.error) as error:
        raise Refused(400, f"This is no fault: {error}") from error


class Faults:
    """The faults that are set, the first that fits first."""

    def __init__(self, faults: list[Fault], seed: int | None = None) -> None:
        self.faults = faults
        self._random = random.Random(seed)  # noqa: S311 - chooses faults, keeps no secret

    def listed(self) -> list[dict[str, Any]]:
        """Return the faults as JSON."""
        return [asdict(fault) for fault in self.faults]

    def strike(self, request: web.Request) -> Fault | None:
        """Return the fault that this request meets, and count it."""
        for fault in self.faults:
            if fault.fits(request) and self._random.random() < fault.probability:
                fault.count = None if fault.count is None else fault.count - 1
                return fault
        return None


async def spoilt(request: web.Request, fault: Fault) -> web.StreamResponse | None:
    """Do what the fault says; None means that the request goes on."""
    if fault.kind == "stall":
        await asyncio.sleep(fault.seconds)
        return None
    if fault.kind == "status":
        return error_answer(fault.status, "This failure was asked for (a fault is set on the local storage proxy).")
    _reset(request)
    return web.Response(status=fault.status)


async def truncated(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
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
