"""Far more callers than there are turns: they are told so quickly, and probes are answered meanwhile."""

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
"""A caller is let in or sent away after two seconds at most (shared/http/admission.py); the rest is work."""
PROMISED = {200, 429, 503}


@dataclass
class Overload:
    """What callers and probes were answered."""

    statuses: Counter[int] = field(default_factory=Counter)
    took_s: dict[int, list[float]] = field(default_factory=dict)
    probes: Counter[int] = field(default_factory=Counter)
    slowest_probe_s: float = 0.0
    complaints: list[str] = field(default_factory=list)


def overload(world: World, seconds: float) -> Overload:
    """Let 64 callers post without a pause, and a probe ask whether the function is ready."""
    found, lock, ends_at = Overload(), threading.Lock(), time.monotonic() + seconds
    url = world.cloud.url("classify_request")
    body = picture(1).content

    def call() -> None:
        session = requests.Session()
        while time.monotonic() < ends_at:
            status, took_s = _timed(session, "POST", f"{url}/v1/classify?record=false", body)
            with lock:
                found.statuses[status] += 1
                found.took_s.setdefault(status, []).append(took_s)

    def probe() -> None:
        while time.monotonic() < ends_at:
            status, took_s = _timed(requests.Session(), "GET", f"{url}/v2/health/ready", None)
            found.probes[status] += 1
            found.slowest_probe_s = max(found.slowest_probe_s, took_s)
            time.sleep(PROBE_EVERY_S)

    threads = [threading.Thread(target=call, name="caller") for _ in range(CALLERS)]
    threads.append(threading.Thread(target=probe, name="probe"))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _judge(found)
    return found


def _judge(found: Overload) -> None:
    slowest_s = max((max(took) for took in found.took_s.values()), default=0.0)
    if not set(found.statuses) <= PROMISED:
        found.complaints.append(f"overload was answered {dict(found.statuses)}")
    if 429 not in found.statuses:
        found.complaints.append(f"{CALLERS} callers at once and nobody was sent away: {dict(found.statuses)}")
    if slowest_s > SLOWEST_S:
        found.complaints.append(f"a caller waited {slowest_s:.1f} s under overload, expected at most {SLOWEST_S} s")
    if set(found.probes) != {200} or found.slowest_probe_s > SLOWEST_S:
        found.complaints.append(f"probes: {dict(found.probes)}, the slowest after {found.slowest_probe_s:.1f} s")


def _timed(session: requests.Session, method: str, url: str, body: bytes | None) -> tuple[int, float]:
    """Return the status, 0 where the connection broke, and the seconds."""
    started = time.monotonic()
    try:
        status = session.request(method, url, data=body, timeout=60).status_code
    except requests.RequestException:
        status = 0
    return status, time.monotonic() - started
