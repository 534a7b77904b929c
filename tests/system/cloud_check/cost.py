"""Estimate what a check costs, and make the sentence that confirms it."""

from __future__ import annotations

import math

from shared.operations.monthly_bill import FURTHER
from tests.system.cloud_check.steps import LOAD_USD, STEPS, Step

SMALL_THINGS_USD = 0.25
"""Cents for an hour of idle resources, storage, logs, rows and requests (docs/cost.md), rounded up."""


def most_usd(steps: tuple[Step, ...] = STEPS) -> int:
    """Return whole US dollars, rounded up: each build for its longest time, the load, and small things."""
    building = sum(step.minutes for step in steps if any("output -raw build" in line for line in step.commands))
    return math.ceil(building * FURTHER["build_min"].usd + LOAD_USD + SMALL_THINGS_USD)


def confirmation(project: str) -> str:
    """Return the sentence that must be passed word for word."""
    return f"{project} costs about ${most_usd()}"
