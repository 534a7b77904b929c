"""The summary of a sweep: counts, duration, and whether uploads remain."""

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
"""The outcomes of an upload. ``skipped`` ones are already recorded, ``postponed`` ones wait for the next sweep, and
``set_aside`` ones stay in the bucket permanently, as folders and parts of uploads do."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The summary of a sweep."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """The number of uploads by outcome, one of ``OUTCOMES``."""
    seconds: float = 0.0
    is_cut_short: bool = False
    """Whether the sweep ended before the end of its list."""
    oldest_upload_s: float | None = None
    """The age of the oldest upload when the sweep reached it; 0 if there is none. None with ``keep``."""

    @property
    def images_per_s(self) -> float:
        """The uploads that got a row, per second."""
        return (self.outcomes["predicted"] + self.outcomes["rejected"]) / self.seconds if self.seconds else 0.0

    @property
    def exit_code(self) -> int:
        """The exit code: 0 if no upload remains, 1 if some must wait for the next sweep."""
        return 1 if self.outcomes["postponed"] or self.is_cut_short else 0

    def figures(self) -> dict[str, int | float]:
        """Return all numbers of the summary by name, in the order of display."""
        counts = {outcome: self.outcomes[outcome] for outcome in OUTCOMES}
        return {**counts, "seconds": round(self.seconds, 1), "images_per_s": round(self.images_per_s, 1)}


def log_summary(summary: Summary) -> None:
    """Write the log line of a sweep."""
    figures = summary.figures()
    counted = ", ".join(f"{figures[outcome]} {outcome}" for outcome in OUTCOMES if figures[outcome])
    log.info(
        f"swept: {counted or 'nothing was waiting'}{'; stopped early' if summary.is_cut_short else ''}",
        extra={
            "fields": {
                "outcome": "swept",
                **figures,
                "cut_short": summary.is_cut_short,
                "oldest_upload_s": summary.oldest_upload_s,
            }
        },
    )
