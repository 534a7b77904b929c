"""The cost of a period on Google Cloud, at list prices: from the measured calls of its rows."""

from __future__ import annotations

from dataclasses import dataclass

from shared.operations.cost import PRICES, Measured, bill
from shared.operations.monthly_bill import FURTHER, ITEMS, MONTH_S, NOT_READ
from shared.reporting.facts import Usage

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class CostLine:
    """An item of the bill."""

    name: str
    usd: float
    is_remembered: bool
    """Whether one of its prices could not be read from the list."""


@dataclass(frozen=True, slots=True)
class PeriodCost:
    """The cost of a period, in US dollars."""

    lines: tuple[CostLine, ...]
    alone_usd: float
    """The total if each image had an instance for itself; the lines hold for many at the same time."""

    @property
    def usd(self) -> float:
        """The total of the lines."""
        return sum(line.usd for line in self.lines)


def cost_of(usage: Usage, days: int) -> PeriodCost:
    """Return the cost of a period.

    An item that each image pays for is taken by image, and one that a month pays for by day. Options of main.tf that
    are off by default, such as a warm instance, are not included.

    Args:
        usage: of the calls; without calls only what each day costs is left.
        days: of the period, 1 or more.
    """
    waiting_ms = max(0.0, usage.mean_total_ms - usage.mean_cpu_ms)
    measured = Measured(usage.mean_cpu_ms / 1e3, round(usage.mean_bytes), "its calls", "", waiting_ms / 1e3)
    months = days * DAY_S / MONTH_S
    lines = []
    for item in ITEMS:
        if item.option is None:
            fixed = item.usd(0, measured)
            usd = fixed * months + item.usd(usage.calls, measured) - fixed
            is_remembered = any((PRICES | FURTHER)[name].read_on == NOT_READ for name in item.prices)
            lines.append(CostLine(item.name, usd, is_remembered))
    busy, alone = (bill(usage.calls, measured, alone=alone).total for alone in (False, True))
    return PeriodCost(tuple(lines), sum(line.usd for line in lines) - busy + alone)
