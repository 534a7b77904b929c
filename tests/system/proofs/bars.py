"""The bars of the proof: what monitoring must find, and how seldom it may alarm for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.system.proofs.conditions import CONDITIONS, NONE
from tests.system.proofs.figures import ConditionFigures
from tests.system.proofs.observed import FOREIGN

MAX_FALSE_ALARMS = 0.01
LEAST_FOUND = 0.95
LEAST_BANDS = 7
"""Of the eight conditions."""

MUST_BE_FOUND = (*(name for name in CONDITIONS if name not in (NONE, "upside down")), FOREIGN)
"""A flower that is upside down is a flower: it is measured and need not be found."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar and what was measured."""

    words: str
    share: float
    holds: bool

    def __str__(self) -> str:
        return f"| {self.words} | {self.share:.1%} | {'yes' if self.holds else '**no**'} |"


def bars_of(figures: Sequence[ConditionFigures], reference: str) -> list[Bar]:
    """Return the bars of windows of 100 against a reference."""
    by_condition = {figure.condition: figure for figure in figures}
    suffix = f"; reference: {reference}"
    alarms = by_condition[NONE].found
    bars = [Bar(f"false alarms ≤ {MAX_FALSE_ALARMS:.0%}{suffix}", alarms, alarms <= MAX_FALSE_ALARMS)]
    for name in MUST_BE_FOUND:
        if name in by_condition:
            found = by_condition[name].found
            bars.append(Bar(f"{name} found in ≥ {LEAST_FOUND:.0%}{suffix}", found, found >= LEAST_FOUND))
    held = sum(by_condition[name].band_holds for name in CONDITIONS)
    words = f"band holds the accuracy ± 1 point in ≥ {LEAST_BANDS} of {len(CONDITIONS)}{suffix}"
    return [*bars, Bar(words, held / len(CONDITIONS), held >= LEAST_BANDS)]
