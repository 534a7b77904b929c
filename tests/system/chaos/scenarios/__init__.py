"""The scenarios, in the order of docs/reliability.md."""

from __future__ import annotations

from tests.system.chaos.run import Scenario
from tests.system.chaos.scenarios import (
    deadly,
    failing_services,
    flood,
    in_order,
    killed_anywhere,
    loops,
    one_step_fails,
    outages,
    overwritten,
    refused_by_policy,
    shutdown,
    sweeps,
    twice,
)

SCENARIOS: tuple[Scenario, ...] = (
    killed_anywhere.SCENARIO,
    outages.SCENARIO,
    twice.TWICE,
    twice.SAME_INSTANT,
    overwritten.OVERWRITTEN,
    overwritten.MANY_NAMES,
    in_order.SCENARIO,
    one_step_fails.SCENARIO,
    refused_by_policy.SCENARIO,
    failing_services.SCENARIO,
    loops.SCENARIO,
    flood.SCENARIO,
    shutdown.SCENARIO,
    sweeps.KILLED,
    sweeps.IN_PARALLEL,
    deadly.SCENARIO,
)
