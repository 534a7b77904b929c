"""What came of a sweep: counts, how long it took, and whether anything is left."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from shared.logs import log

OUTCOMES = (
    "predicted",
    "rejected",
    "set_aside",
    "already_done",
    "superseded",
    "postponed",
    "skipped",
    "not_an_upload",
)
"""What becomes of an upload; ``skipped`` ones are recorded already, ``postponed`` ones wait for the next sweep, and
``set_aside`` ones stay where they are for good, as folders and parts of uploads do."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of a sweep."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """How many, by ``OUTCOMES``."""
    seconds: float = 0.0
    is_cut_short: bool = False
    """Whether it ended before the end of the list."""
    oldest_upload_s: float | None = None
    """How long the oldest upload had waited for when it was found; 0 where none waits. None with ``keep``."""

    @property
    def images_per_s(self) -> float:
        """How many got a row, a second."""
        return (self.outcomes["predicted"] + self.outcomes["rejected"]) / self.seconds if self.seconds else 0.0

    @property
    def exit_code(self) -> int:
        """0: nothing is left; 1: something must wait for the next sweep."""
        return 1 if self.outcomes["postponed"] or self.is_cut_short else 0

    def figures(self) -> dict[str, int | float]:
        """Return all that there is to tell, by name, in order."""
        counts = {outcome: self.outcomes[outcome] for outcome in OUTCOMES}
        return {**counts, "seconds": round(self.seconds, 1), "images_per_s": round(self.images_per_s, 1)}


def log_summary(summary: Summary) -> None:
    """Write the one line that a sweep leaves."""
    figures = summary.figures()
    counted = ", ".join(f"{figures[outcome]} {outcome}" for outcome in OUTCOMES if figures[outcome])
    log.info(
        f"swept: {counted or 'nothing was waiting'}{', and was cut short' if summary.is_cut_short else ''}",
        extra={
            "fields": {
                "outcome": "swept",
                **figures,
                "cut_short": summary.is_cut_short,
                "oldest_upload_s": summary.oldest_upload_s,
            }
        },
    )
