"""Find the highest rate that a deployment holds: raise it until it breaks, then bisect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from shared.operations.load.figures import Ending, Run

GROWTH = 1.6
"""The growth of the rate from step to step, small enough that Cloud Run can start instances in time."""

NARROWINGS = 2
"""The steps between the last rate that held and the first that broke."""

MOST_STEPS = 20
LEAST_SHARE = 0.9
"""The share of the offered requests that must get good answers within the step; below it the queue grows."""


@dataclass(frozen=True, slots=True)
class Demands:
    """The demands that a rate must meet to hold."""

    max_p95_ms: float = 2000.0
    max_error_rate: float = 0.01

    def faults(self, run: Run, offered: float | None) -> list[str]:
        """Return a sentence for each demand that a run breaks.

        Args:
            run: the measured run.
            offered: the requests per second of an open loop; None for a closed loop, which cannot fall behind.
        """
        p95 = run.latency_ms["p95"]
        faults = []
        if p95 is None:
            faults.append("no request was answered with 200")
        elif p95 > self.max_p95_ms:
            faults.append(f"p95 is {p95:,.0f} ms, expected at most {self.max_p95_ms:,.0f}")
        if run.error_rate > self.max_error_rate:
            faults.append(f"{run.error_rate:.1%} failed, expected at most {self.max_error_rate:.1%}")
        if offered and run.ending is Ending.TIME and run.pace < LEAST_SHARE * offered:
            faults.append(f"{run.pace:.1f} of {offered:.1f} requests a second were answered well: it falls behind")
        return faults


@dataclass(frozen=True, slots=True)
class Step:
    """A tested rate."""

    rate: float
    run: Run
    faults: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the step as ``--json`` prints it."""
        return {"rate": self.rate, "faults": list(self.faults), **self.run.as_json()}


async def find_limit(
    first_rate: float, most_rate: float, demands: Demands, run_at: Callable[[float], Awaitable[Run | None]]
) -> list[Step]:
    """Test rates until the limit is found; return the steps in their order.

    Args:
        first_rate: the requests per second of the first step.
        most_rate: the highest rate of a step.
        demands: a rate that breaks one does not hold.
        run_at: runs a step; returns None if time, requests or money do not suffice for another.
    """
    steps: list[Step] = []
    rate, narrowings = first_rate, 0
    while len(steps) < MOST_STEPS:
        run = await run_at(rate)
        if run is None:
            break
        steps.append(Step(rate, run, tuple(demands.faults(run, rate))))
        if run.ending is not Ending.TIME:
            break
        held, broke = holding(steps), min([step.rate for step in steps if step.faults], default=None)
        if broke is None and rate >= most_rate:
            break
        if broke is None:
            rate = round(min(rate * GROWTH, most_rate), 2)
        elif held is None or narrowings == NARROWINGS:
            break
        else:
            narrowings += 1
            rate = round((held + broke) / 2, 2)
    return steps


def holding(steps: list[Step]) -> float | None:
    """Return the highest rate that held below every rate that broke, or None."""
    broke = min([step.rate for step in steps if step.faults], default=float("inf"))
    return max([step.rate for step in steps if not step.faults and step.rate < broke], default=None)
