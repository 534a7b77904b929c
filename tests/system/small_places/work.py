"""The requests and events that a function gets in a small place, and how long its answers take."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import requests

from shared.emulators.eventarc.cloudevents import CloudEvent
from tests.large_pictures import VARIANTS, large_picture
from tests.system.chaos.events import post
from tests.system.small_places.outside import SIZES_PX, Outside, picture
from tests.system.small_places.served import Served

ANSWER_S = 300
"""The longest wait for an answer; it is reached only if something is broken."""
DONE = (200, 204)
PROMISED = {*DONE, 429, 503}
"""Statuses of done, or come back later."""
TOO_LARGE = 413

Sender = Callable[[], int]
"""A function that sends one request; it returns the status, or 0 where the connection broke."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to several requests of one kind."""

    what: str
    statuses: Counter[int]
    took_s: tuple[float, ...]
    """Seconds until each answer that was not a refusal, in the order of the requests."""
    peak_mib: float
    """The highest memory until then."""
    may_be_refused: bool = False
    """Whether a picture may be too large for the place, and every request for it be refused with 413."""

    @property
    def complaint(self) -> str | None:
        """Return the answers that are not among the expected, or None."""
        promised = PROMISED | {TOO_LARGE} if self.may_be_refused else PROMISED
        is_consistent = self.took_s or (self.may_be_refused and self.statuses[TOO_LARGE])
        return (
            None if is_consistent and set(self.statuses) <= promised else f"{self.what}: answered {dict(self.statuses)}"
        )

    def cells(self) -> list[str]:
        """Return the kind, the statuses, the first, middle and slowest time, and the memory."""
        counts = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        return [self.what, counts, *self._times(), f"{self.peak_mib:.0f} MiB"]

    def _times(self) -> list[str]:
        if not self.took_s:
            return ["–"] * 3
        first, *others = self.took_s
        return [f"{seconds:.2f} s" for seconds in (first, statistics.median(others or [first]), max(self.took_s))]


Work = Callable[[Served, Outside, int, int], Iterator[Answers]]
"""Work of a function: how often in a row, and how often in parallel."""


def requests_to(served: Served, outside: Outside, times: int, in_parallel: int) -> Iterator[Answers]:
    """Post each picture several times in a row, and then several in parallel; each is archived and recorded."""
    for size in SIZES_PX:
        yield _answers_to(served, size, [partial(_classify, served.url, picture(size))] * times)
    for size in SIZES_PX:
        senders = [partial(_classify, served.url, picture(size))] * in_parallel
        yield _answers_to(served, f"{in_parallel} at once, {size}", senders, in_parallel)


def formats_to(served: Served, outside: Outside, times: int, in_parallel: int) -> Iterator[Answers]:
    """Post several large pictures in parallel, in each format; pictures without room are refused with 413."""
    for variant in VARIANTS:
        senders = [partial(_classify, served.url, large_picture(variant))] * in_parallel
        yield replace(
            _answers_to(served, f"{in_parallel} at once, {variant}", senders, in_parallel), may_be_refused=True
        )


def events_to(served: Served, outside: Outside, times: int, in_parallel: int) -> Iterator[Answers]:
    """Upload pictures and deliver their events, one after the other, and then several in parallel."""
    for size in SIZES_PX:
        yield _answers_to(served, size, [_event(served, outside, size) for _ in range(times)])
    for size in SIZES_PX:
        senders = [_event(served, outside, size) for _ in range(in_parallel)]
        yield _answers_to(served, f"{in_parallel} at once, {size}", senders, in_parallel)


def _classify(url: str, content: bytes) -> int:
    try:
        return requests.post(f"{url}/v1/classify", data=content, timeout=ANSWER_S).status_code
    except requests.RequestException:
        return 0


def _event(served: Served, outside: Outside, size: str) -> Sender:
    event: CloudEvent = outside.upload(picture(size))
    return lambda: post(served.url, event)


def _answers_to(served: Served, what: str, senders: Sequence[Sender], in_parallel: int = 1) -> Answers:
    with ThreadPoolExecutor(in_parallel) as pool:
        answers = list(pool.map(_timed, senders))
    took_s = tuple(took_s for status, took_s in answers if status in DONE)
    return Answers(what, Counter(status for status, _ in answers), took_s, served.peak_mib)


def _timed(sender: Sender) -> tuple[int, float]:
    started = time.monotonic()
    return sender(), time.monotonic() - started
