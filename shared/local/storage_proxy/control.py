"""The proxy's own paths, under ``/_bucketlens/``: its state, the faults that are set, the requests that came."""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import asdict, dataclass

from aiohttp import web

from shared.local.storage_proxy.faults import Fault, Faults, fault_from
from shared.local.storage_proxy.refusals import Refused
from shared.local.storage_proxy.upstream import Upstream

PREFIX = "/_bucketlens/"
MOST_RECORDS = 2000


@dataclass(slots=True)
class Record:
    """One request that was answered, or not."""

    number: int
    method: str
    path: str
    """Percent-encoded."""
    query: dict[str, str]
    status: int
    """What was sent, or, where a fault kept it from arriving, what would have been."""
    took_ms: float
    fault: str | None = None


class Control:
    """What ``/_bucketlens/`` answers."""

    def __init__(self, upstream: Upstream, faults: Faults) -> None:
        self._upstream = upstream
        self._faults = faults
        self._records: deque[Record] = deque(maxlen=MOST_RECORDS)
        self._number = 0

    def record(self, request: web.Request, status: int, started: float, fault: Fault | None) -> None:
        """Remember a request, in the order in which they end."""
        self._number += 1
        took_ms = round((time.perf_counter() - started) * 1000, 3)
        path = request.raw_path.partition("?")[0]
        kind = fault.kind if fault else None
        self._records.append(Record(self._number, request.method, path, dict(request.query), status, took_ms, kind))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request to the proxy itself.

        ``GET status``, ``GET|POST|DELETE faults``, ``GET|DELETE requests`` (of these the last 2,000).
        """
        match request.method, request.path.removeprefix(PREFIX):
            case "GET", "status":
                return await self._status()
            case "POST", "faults":
                self._faults.faults.append(fault_from(await _json(request)))
            case "DELETE", "faults":
                self._faults.faults.clear()
            case "GET", "faults":
                pass
            case "GET", "requests":
                return web.json_response([asdict(record) for record in self._records])
            case "DELETE", "requests":
                self._records.clear()
                return web.json_response([])
            case _:
                raise Refused(404, f"The storage proxy has no {request.method} {request.path}.")
        return web.json_response(self._faults.listed())

    async def _status(self) -> web.Response:
        is_ready = await self._upstream.is_ready()
        state = {
            "ready": is_ready,
            "upstream": self._upstream.url,
            "requests": self._number,
            "faults": len(self._faults.faults),
        }
        return web.json_response(state, status=200 if is_ready else 503)


async def _json(request: web.Request) -> dict[str, object]:
    try:
        content = json.loads(await request.read())
    except ValueError as error:
        raise Refused(400, f"The body is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise Refused(400, "The body must be a JSON object.")
    return content
