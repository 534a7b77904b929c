"""Send far more requests than there are slots: they must be refused quickly, and probes answered meanwhile."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import requests

from tests.system.chaos.pictures import picture
from tests.system.chaos.world import World

CALLERS = 64
PROBE_EVERY_S = 0.2
SLOWEST_S = 5.0
"""A caller is admitted or refused after two seconds at most (shared/http/admission.py); the rest is work."""
PROMISED = {200, 429, 503}


@dataclass
class Overload:
    """The answers that callers and probes got."""

    statuses: Counter[int] = field(default_factory=Counter)
    took_s: dict[int, list[float]] = field(default_factory=dict)
    probes: Counter[int] = field(default_factory=Counter)
    slowest_probe_s: float = 0.0
    complaints: list[str] = field(default_factory=list)


def overload(world: World, seconds: float) -> Overload:
    """Post from 64 callers without a pause, and probe whether the function is ready."""
    result, lock, ends_at = Overload(), threading.Lock(), time.monotonic() + seconds
    url = world.cloud.url("classify_request")
    body = picture(1).content

    def call() -> None:
        session = requests.Session()
        while time.monotonic() < ends_at:
            status, took_s = _timed(session, "POST", f"{url}/v1/classify?record=false", body)
            with lock:
                result.statuses[status] += 1
                result.took_s.setdefault(status, []).append(took_s)

    def probe() -> None:
        while time.monotonic() < ends_at:
            status, took_s = _timed(requests.Session(), "GET", f"{url}/v2/health/ready", None)
            result.probes[status] += 1
            result.slowest_probe_s = max(result.slowest_probe_s, took_s)
            time.sleep(PROBE_EVERY_S)

    threads = [threading.Thread(target=call, name="caller") for _ in range(CALLERS)]
    threads.append(threading.Thread(target=probe, name="probe"))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _judge(result)
    return result


def _judge(result: Overload) -> None:
    slowest_s = max((max(took) for took in result.took_s.values()), default=0.0)
    if not set(result.statuses) <= PROMISED:
        result.complaints.append(f"callers under overload got {dict(result.statuses)}")
    if 429 not in result.statuses:
        result.complaints.append(
            f"{CALLERS} callers in parallel, and none was refused with 429: {dict(result.statuses)}"
        )
    if slowest_s > SLOWEST_S:
        result.complaints.append(f"a caller waited {slowest_s:.1f} s under overload, expected at most {SLOWEST_S} s")
    if set(result.probes) != {200} or result.slowest_probe_s > SLOWEST_S:
        result.complaints.append(f"probes: {dict(result.probes)}, the slowest after {result.slowest_probe_s:.1f} s")


def _timed(session: requests.Session, method: str, url: str, body: bytes | None) -> tuple[int, float]:
    """Return the status, 0 where the connection broke, and the seconds."""
    started = time.monotonic()
    try:
        status = session.request(method, url, data=body, timeout=60).status_code
    except requests.RequestException:
        status = 0
    return status, time.monotonic() - started
