"""Advise memory, concurrency and instances from the figures of a load test, with the arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass

from shared.images.memory_budget import COPIES_OF_A_FILE, MIB
from shared.operations.cost import VCPUS
from shared.operations.load.figures import Run

UTILISATION = 0.7
"""The target utilisation of a processor, so that queues stay short: in M/M/1 the wait is then 0.7 / 0.3 = 2.3 times the
service."""

CONCURRENCIES = range(1, 17)
"""The values that main.tf accepts; more was not measured."""

LEAST_MB, STEP_MB = 512, 256
DECODE_SHARE, FILE_SHARE = 13 / 32, 2 / 32
"""The shares of an instance's memory (shared/images/memory_budget.py)."""


@dataclass(frozen=True, slots=True)
class Advice:
    """An advised setting."""

    setting: str
    """Its name in main.tf."""
    value: int
    why: str
    """The arithmetic behind the value."""


@dataclass(frozen=True, slots=True)
class Largest:
    """The most expensive of the pictures that were sent."""

    file_bytes: int
    decode_bytes: int
    """The peak memory of its decode."""


def advice(run: Run, rate: float, largest: Largest) -> list[Advice]:
    """Return concurrency, instances and memory for a rate; empty if no good answer reported its time.

    Args:
        run: a run at that rate, or near it.
        rate: the requests per second to serve.
        largest: the most expensive picture.
    """
    compute_ms, whole_ms = run.compute_ms, run.service_ms["p50"]
    if not compute_ms or not whole_ms:
        return []
    raw = math.ceil(whole_ms / compute_ms)
    concurrency = min(max(raw, CONCURRENCIES[0]), CONCURRENCIES[-1])
    busy = rate * compute_ms / 1000
    instances = max(1, math.ceil(busy / (VCPUS * UTILISATION)))
    decodes = concurrency * largest.decode_bytes / DECODE_SHARE / MIB
    files = concurrency * COPIES_OF_A_FILE * largest.file_bytes / FILE_SHARE / MIB
    memory = max(LEAST_MB, STEP_MB * math.ceil(max(decodes, files) / STEP_MB))
    return [
        Advice(
            "concurrency",
            concurrency,
            f"half of the requests take {whole_ms:.0f} ms, of which {compute_ms:.0f} ms compute: "
            f"{whole_ms:.0f} / {compute_ms:.0f} = {whole_ms / compute_ms:.1f} keep a vCPU busy"
            + ("" if raw == concurrency else f"; main.tf takes at most {CONCURRENCIES[-1]}"),
        ),
        Advice(
            "max_instances",
            instances,
            f"{rate:.1f} requests/s x {compute_ms / 1000:.3f} s = {busy:.2f} vCPU busy; / ({VCPUS:g} vCPU x "
            f"{UTILISATION:.0%} used) = {busy / VCPUS / UTILISATION:.2f}",
        ),
        Advice(
            "memory_mb",
            memory,
            f"{concurrency} decodes x {largest.decode_bytes / MIB:.1f} MiB / {DECODE_SHARE:.3f} = {decodes:.0f} MiB, "
            f"and {concurrency} files x {COPIES_OF_A_FILE} x {largest.file_bytes / MIB:.2f} MiB / {FILE_SHARE:.4f} = "
            f"{files:.0f} MiB; at least {LEAST_MB}, in steps of {STEP_MB}",
        ),
    ]
