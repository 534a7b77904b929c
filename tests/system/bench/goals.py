"""Goals of the HTTP part, as ratios of figures of one run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.system.bench.field import KERAS_FUNCTION, LIMIT, US
from tests.system.bench.figures import Figure, Goal
from tests.system.bench.over_http import (
    CLIENTS,
    COLD,
    COLD_RECORDED,
    MEMORY,
    RATE,
    SATURATED,
    SHARES,
    SIZE,
    large,
    latency,
)
from tests.system.bench.photographs import LARGE

COLUMNS = (
    COLD,
    *(latency(share, clients) for clients in CLIENTS for share in SHARES),
    RATE,
    MEMORY,
    SIZE,
    *(large(kind) for kind in LARGE),
)
"""Every quantity in which a peer may be ahead."""

Key = tuple[str, str]
"""A contestant and a quantity."""


@dataclass(frozen=True, slots=True)
class Hope:
    """A goal that waits for its figures."""

    sentence: str
    figure: Key
    over: Key | None = None
    at_most: float | None = None
    at_least: float | None = None

    def of(self, measured: Mapping[Key, Figure]) -> Goal | None:
        """Return the goal; None where a figure is missing."""
        if self.figure not in measured or (self.over is not None and self.over not in measured):
            return None
        over = None if self.over is None else measured[self.over]
        return Goal(self.sentence, measured[self.figure], over, self.at_most, self.at_least)


_P50, _P99 = latency(50, SATURATED), latency(99, SATURATED)
_ALONE, _LARGEST = latency(50, 1), large("12 MP JPEG")

AGAINST_THE_LIMIT = (
    Hope("exec to first recorded answer: at most 0.8 s", (US, COLD_RECORDED), at_most=0.8),
    Hope("p50 with one client: at most 1.3 x the limit", (US, _ALONE), (LIMIT, _ALONE), at_most=1.3),
    Hope("throughput: at least 85 % of the limit", (US, RATE), (LIMIT, RATE), at_least=0.85),
    Hope("p99 at saturation: at most 4 x p50", (US, _P99), (US, _P50), at_most=4.0),
    Hope("memory with 16 clients, cloud clients loaded: at most 256 MiB", (US, MEMORY), at_most=256.0),
)
AGAINST_THE_KERAS_FUNCTION = (
    Hope("exec to first answer: at most 1/10 of the Keras function", (US, COLD), (KERAS_FUNCTION, COLD), 1 / 10),
    Hope(
        "12-megapixel JPEG: at most 1/8 of the Keras function's time", (US, _LARGEST), (KERAS_FUNCTION, _LARGEST), 1 / 8
    ),
)


def http_goals(figures: Iterable[Figure], *, peers: Sequence[str]) -> tuple[list[Goal], list[str]]:
    """Return the goals, and the sentences of those that cannot be judged because a figure is missing.

    Args:
        figures: of one run.
        peers: the names of the peers of this run, measured or not.
    """
    measured = {(figure.who, figure.what): figure for figure in figures}
    hopes = [*AGAINST_THE_LIMIT, *(AGAINST_THE_KERAS_FUNCTION if KERAS_FUNCTION in peers else ())]
    goals = {hope.sentence: hope.of(measured) for hope in hopes}
    judged = [goal for goal in goals.values() if goal is not None]
    return [*judged, *_ahead(measured, peers)], [sentence for sentence, goal in goals.items() if goal is None]


def _ahead(measured: Mapping[Key, Figure], peers: Sequence[str]) -> Iterator[Goal]:
    """Yield a goal for each column: to be ahead of whichever peer is best in it."""
    for what in COLUMNS:
        figure = measured.get((US, what))
        others = [measured[peer, what] for peer in peers if (peer, what) in measured]
        if figure is None or not others:
            continue
        if figure.more_is_better:
            best = max(others, key=lambda other: other.median)
            yield Goal(f"ahead of every peer, {what} (next: {best.who})", figure, best, at_least=1.0)
        else:
            best = min(others, key=lambda other: other.median)
            yield Goal(f"ahead of every peer, {what} (next: {best.who})", figure, best, at_most=1.0)
