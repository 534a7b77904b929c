"""What a check costs, and the sentence by which somebody agrees to it."""

from __future__ import annotations

import math

from shared.operations.monthly_bill import FURTHER
from tests.system.cloud_check.steps import LOAD_USD, STEPS, Step

SMALL_THINGS_USD = 0.25
"""An hour of what is idle, storage, logs, rows and requests: cents each (docs/cost.md), rounded up."""


def most_usd(steps: tuple[Step, ...] = STEPS) -> int:
    """Return whole US dollars, rounded up: each build for as long as it may take, the load, and small things."""
    building = sum(step.minutes for step in steps if any("output -raw build" in line for line in step.commands))
    return math.ceil(building * FURTHER["build_min"].usd + LOAD_USD + SMALL_THINGS_USD)


def confirmation(project: str) -> str:
    """Return what must be said word for word."""
    return f"{project} costs about ${most_usd()}"
