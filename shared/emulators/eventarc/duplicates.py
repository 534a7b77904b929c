"""Duplicate, delay or lose events on request, since Eventarc may do all of it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

LATEST_DUPLICATE_S = 2.0
LONGEST_DELAY_S = 3600.0


@dataclass(slots=True)
class Duplicates:
    """Shares of events that are duplicated, delayed or lost; a change does not affect queued events."""

    duplicates: float = 0.0
    """Share of events, 0 to 1, that are delivered twice: half of them at the same instant, half up to 2 s later."""
    together: float = 0.0
    """Share of events, 0 to 1, whose two copies are delivered at the same instant."""
    delay_s: float = 0.0
    """Longest delay: each delivery waits for its own random time up to this, so events arrive out of order."""

    lost: float = 0.0
    """Share of events, 0 to 1, that are never delivered; only a sweep finds their uploads."""

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            ValueError: a value is out of range.
        """
        for name, largest in (("duplicates", 1.0), ("together", 1.0), ("delay_s", LONGEST_DELAY_S), ("lost", 1.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= largest:
                raise ValueError(f"{name} is {value!r}; it must be a number, 0 to {largest:g}.")

    def change(self, changes: Mapping[str, Any]) -> None:
        """Change the named values, all or none.

        Raises:
            ValueError: a name is unknown, or a value is out of range.
        """
        if unknown := sorted(set(changes) - set(asdict(self))):
            raise ValueError(f"{', '.join(unknown)} is unknown; known are {', '.join(asdict(self))}.")
        changed = Duplicates(**{**asdict(self), **changes})
        for name, value in asdict(changed).items():
            setattr(self, name, value)

    def due_times(self, now: float, chance: random.Random) -> list[float]:
        """Return the due time of each copy of an event that arrives now; copies with equal times go together."""
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
