"""The figures of a load test: latencies as callers see them, answers by status, and the work in flight."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

NO_ANSWER = 0
"""The status of a request whose connection failed, or that was not answered in time."""

SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "max": 1.0}


@dataclass(frozen=True, slots=True)
class Sample:
    """One request. Times are seconds of one monotonic clock."""

    due_s: float
    """When the request was due; in a closed loop, when it was sent."""
    sent_s: float
    ended_s: float
    status: int
    compute_ms: float | None = None
    """Decoding and inference, as the service reports; None if it does not."""


class Ending(StrEnum):
    """Why a run ended."""

    TIME = "time"
    REQUESTS = "max_requests"
    MONEY = "max_usd"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Run:
    """A finished or interrupted run."""

    samples: tuple[Sample, ...]
    seconds: float
    """From the first request to the last answer."""
    ending: Ending
    unanswered: int = 0
    """Requests that were in flight when the run was interrupted; they are in no other figure."""
    late: int = 0
    """Requests that were due in an open loop and not sent when it ended, because all connections waited."""

    @property
    def statuses(self) -> dict[int, int]:
        """The number of answers by status; status 0 means that there was none."""
        return dict(sorted(Counter(sample.status for sample in self.samples).items()))

    @property
    def error_rate(self) -> float:
        """The share of requests without a good answer, including those never sent; 0 if there were none."""
        bad = sum(sample.status != 200 for sample in self.samples) + self.late
        return bad / max(1, len(self.samples) + self.late)

    @property
    def rate(self) -> float:
        """The good answers per second."""
        return sum(sample.status == 200 for sample in self.samples) / self.seconds if self.seconds else 0.0

    @property
    def pace(self) -> float:
        """The good answers per second without the wait for the first: the offered rate, if the service keeps up."""
        good = [sample for sample in self.samples if sample.status == 200]
        if not good:
            return 0.0
        fastest_s = min(sample.ended_s - sample.sent_s for sample in good)
        return len(good) / max(self.seconds - fastest_s, 1e-9)

    @property
    def latency_ms(self) -> dict[str, float | None]:
        """Percentiles of good answers from the moment when each request was due: with the wait for a slow service.

        So a stall is in every request that should have been sent during it (Gil Tene's coordinated omission).
        """
        return percentiles([1000 * (sample.ended_s - sample.due_s) for sample in self.samples if sample.status == 200])

    @property
    def service_ms(self) -> dict[str, float | None]:
        """Percentiles of good answers from the moment when each request was sent."""
        return percentiles([1000 * (sample.ended_s - sample.sent_s) for sample in self.samples if sample.status == 200])

    @property
    def busy_s(self) -> float:
        """The sum of the seconds of all requests."""
        return sum(sample.ended_s - sample.sent_s for sample in self.samples)

    @property
    def compute_ms(self) -> float | None:
        """The median of decoding and inference, as the service reports."""
        return percentiles([sample.compute_ms for sample in self.samples if sample.compute_ms is not None])["p50"]

    def as_json(self) -> dict[str, Any]:
        """Return the figures as ``--json`` prints them."""
        return {
            "ending": self.ending,
            "seconds": round(self.seconds, 3),
            "requests": len(self.samples),
            "statuses": self.statuses,
            "unanswered": self.unanswered,
            "late": self.late,
            "error_rate": round(self.error_rate, 5),
            "good_per_s": round(self.rate, 3),
            "latency_ms": self.latency_ms,
            "service_ms": self.service_ms,
            "compute_ms": self.compute_ms,
        }


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    """Return the nearest-rank percentiles of ``SHARES``, rounded to thousandths; None without values."""
    ordered = sorted(values)
    return {
        name: round(ordered[math.ceil(share * len(ordered)) - 1], 3) if ordered else None
        for name, share in SHARES.items()
    }
