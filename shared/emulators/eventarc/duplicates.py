"""Deliver events twice, together, late or never, on request: Eventarc rules none of it out."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

LATEST_DUPLICATE_S = 2.0
LONGEST_DELAY_S = 3600.0


@dataclass(slots=True)
class Duplicates:
    """Shares of events that are duplicated, delayed or lost; events in the queue already stay as they are."""

    duplicates: float = 0.0
    """The share of events, 0 to 1, that are delivered twice: half of them at the same instant, half up to 2 s later."""
    together: float = 0.0
    """The share of events, 0 to 1, of which two copies are delivered at the same instant."""
    delay_s: float = 0.0
    """Every delivery waits for a time of its own up to this, so that they come out of order."""

    lost: float = 0.0
    """The share of events, 0 to 1, that never come; the sweep is what finds their uploads."""

    def __post_init__(self) -> None:
        """Check every value."""
        for name, most in (("duplicates", 1.0), ("together", 1.0), ("delay_s", LONGEST_DELAY_S), ("lost", 1.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
                raise ValueError(f"{name} is {value!r}; it must be a number, 0 to {most:g}.")

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Change the named values, all or none.

        Raises:
            ValueError: a name is unknown, or a value is out of range.
        """
        if unknown := sorted(set(wanted) - set(asdict(self))):
            raise ValueError(f"There is no {', '.join(unknown)}; there is {', '.join(asdict(self))}.")
        changed = Duplicates(**{**asdict(self), **wanted})
        for name, value in asdict(changed).items():
            setattr(self, name, value)

    def due_times(self, now: float, chance: random.Random) -> list[float]:
        """Return the due time of each copy of an event that came now; copies with equal times go together."""
        if self.lost and chance.random() < self.lost:
            return []
        first = now + self._delay(chance)
        if self.together and chance.random() < self.together:
            return [first, first]
        if chance.random() >= self.duplicates:
            return [first]
        is_later = chance.random() < 0.5
        return [first, now + self._delay(chance) + chance.uniform(0, LATEST_DUPLICATE_S) if is_later else first]

    def _delay(self, chance: random.Random) -> float:
        return chance.uniform(0, self.delay_s) if self.delay_s else 0.0
