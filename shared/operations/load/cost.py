"""The cost of a load test, by the prices of docs/cost.md."""

from __future__ import annotations

from shared.operations.cost import CONCURRENCY, GIB, LOG_BYTES, MEMORY_GIB, PRICES, ROW_BYTES, VCPUS


def dearest_usd(busy_s: float, requests: int, *, recorded: bool) -> float:
    """Return the highest cost of requests in US dollars: each alone on an instance while it lasts.

    Args:
        busy_s: request seconds.
        requests: their number.
        recorded: whether each leaves a row and, at worst, a picture in the archive.
    """
    return busy_s * _instance_second() + requests * _each(recorded=recorded)


def likely_usd(busy_s: float, requests: int, *, recorded: bool) -> float:
    """Return the cost of requests on full instances, which main.tf's concurrency shares."""
    return busy_s / CONCURRENCY * _instance_second() + requests * _each(recorded=recorded)


def arithmetic(busy_s: float, requests: int, *, recorded: bool) -> str:
    """Return the computation of both costs, in words and numbers."""
    most, likely = (cost(busy_s, requests, recorded=recorded) for cost in (dearest_usd, likely_usd))
    return (
        f"{busy_s:,.1f} request seconds x ${_instance_second():.7f} ({VCPUS:g} vCPU, {MEMORY_GIB:g} GiB) + "
        f"{requests:,} requests x ${_each(recorded=recorded):.7f} = ${most:.4f} at most; {CONCURRENCY} to an instance: "
        f"${likely:.4f}"
    )


def _instance_second() -> float:
    return VCPUS * PRICES["vcpu_s"].usd + MEMORY_GIB * PRICES["gib_s"].usd


def _each(*, recorded: bool) -> float:
    each = PRICES["request"].usd + PRICES["gib_log"].usd * LOG_BYTES / GIB
    return each + (PRICES["write"].usd + PRICES["gib_row"].usd * ROW_BYTES / GIB if recorded else 0.0)
