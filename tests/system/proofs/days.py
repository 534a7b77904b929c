"""Days of a replay, each with what monitoring concluded at its end, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.monitoring.judge import Judgement


@dataclass(frozen=True, slots=True, eq=False)
class JudgedDay:
    """A day, and the judgement at its end."""

    number: int
    """From 1."""
    judgement: Judgement
    accuracy: float | None
    """Of the window's pictures, by their true labels, which monitoring does not have; None without pictures."""

    @property
    def state(self) -> str:
        """The verdict's."""
        return str(self.judgement.verdict.state)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The tests that found a drift, the most certain first."""
        drift = self.judgement.verdict.drift
        return () if drift is None else tuple(test.subject for test in drift.drifted)

    @property
    def proposes_retraining(self) -> bool:
        """Whether a retraining is proposed."""
        return self.judgement.proposal is not None and self.judgement.proposal.is_proposed

    def __str__(self) -> str:
        verdict = self.judgement.verdict
        band = "–" if verdict.band is None else f"{verdict.band.low:.1%} to {verdict.band.high:.1%}"
        cells = (
            f"{self.number}",
            f"{self.judgement.rows}",
            self.state,
            ", ".join(self.subjects) or ("–" if verdict.drift is not None else verdict.why),
            band,
            "–" if self.accuracy is None else f"{self.accuracy:.1%}",
            "proposed" if self.proposes_retraining else "–",
        )
        return f"| {' | '.join(cells)} |"


HEADER = (
    "| day | pictures | verdict | drift in | estimated accuracy | true accuracy | retraining |",
    "|---:|---:|---|---|---|---:|---|",
)


def table_of(days: Sequence[JudgedDay]) -> str:
    """Return a row for each day, in Markdown."""
    return "\n".join([*HEADER, *map(str, days)])
