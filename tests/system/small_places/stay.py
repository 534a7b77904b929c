"""One function in one place, from its start to its end, and what is told of it."""

from __future__ import annotations

import time
from pathlib import Path

from tests.system.small_places.outside import Outside
from tests.system.small_places.place import Place
from tests.system.small_places.report import Stay
from tests.system.small_places.served import served
from tests.system.small_places.size import SMALL, Size
from tests.system.small_places.work import Work, events_to


def stay(place: Place, size: Size | None, work: Work, outside: Outside, folder: Path, times: int, at_once: int) -> Stay:
    """Start a function in a place, ask it, and end it.

    Args:
        place: what limits it.
        size: how much; None without limits.
        work: what it is asked.
        outside: the services that it talks to, and the buckets.
        folder: for its output.
        times: how often each picture is sent in a row.
        at_once: and how often at the same time.
    """
    function = "classify_upload" if work is events_to else "classify_request"
    settings = {**outside.settings, **(size or SMALL).settings}
    started = time.monotonic()
    with served(place, function, settings, folder) as one:
        told = Stay(function, place.how, size, one.ready_s, one.peak_mib, one.used_s())
        workers = one.workers
        told.answers = list(work(one, outside, times, at_once))
        told.deaths = len(set(workers) - set(one.workers))
        told.used_s, told.wall_s = one.used_s(), time.monotonic() - started
        told.killed, told.charged_mib, told.peak_mib = place.killed(), place.charged_mib(), one.peak_mib
        told.said = one.said()
    return told
