"""Run one function with limits, from its start to its end."""

from __future__ import annotations

import time
from pathlib import Path

from tests.system.small_places.limiter import Limiter
from tests.system.small_places.outside import Outside
from tests.system.small_places.report import Stay
from tests.system.small_places.served import served
from tests.system.small_places.size import SMALL, Size
from tests.system.small_places.work import Work, events_to


def stay(
    limiter: Limiter, size: Size | None, work: Work, outside: Outside, folder: Path, times: int, in_parallel: int
) -> Stay:
    """Start a function with limits, send it work, and stop it.

    Args:
        limiter: what limits it.
        size: the limits; None without limits.
        work: the requests or events that it gets.
        outside: its services and buckets.
        folder: for its output.
        times: how often each picture is sent in a row.
        in_parallel: how often at the same time.
    """
    function = "classify_upload" if work is events_to else "classify_request"
    settings = {**outside.settings, **(size or SMALL).settings}
    started = time.monotonic()
    with served(limiter, function, settings, folder) as running:
        result = Stay(function, limiter.how, size, running.ready_s, running.peak_mib, running.used_s())
        workers = running.workers
        result.answers = list(work(running, outside, times, in_parallel))
        result.deaths = len(set(workers) - set(running.workers))
        result.used_s, result.wall_s = running.used_s(), time.monotonic() - started
        result.killed, result.charged_mib, result.peak_mib = limiter.killed(), limiter.charged_mib(), running.peak_mib
        result.last_output = running.last_output()
    return result
