"""Every scenario, in the order of the story that docs/reliability.md tells."""

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
    twice.AT_ONCE,
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
    sweeps.BESIDE,
    deadly.SCENARIO,
)
