"""Settings of tests that draw their inputs: always the same inputs, and few, since they are in the first tier."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

FEW = settings(
    derandomize=True,  # what passes once passes again, on every machine
    database=None,
    deadline=None,  # nothing depends on the machine's speed
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)
