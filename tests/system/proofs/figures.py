"""Figures of the windows that were drawn under a condition, as a row of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tests.system.proofs.draws import Drawn

TOLERANCE = 0.01
"""By which the truth may be outside of the band."""


@dataclass(frozen=True, slots=True)
class ConditionFigures:
    """Figures of a condition. Shares are 0 to 1."""

    HEADER: ClassVar[tuple[str, str]] = (
        "| condition | windows | accuracy | ATC | mean score | in the band ± 1 point | in its window's band | drift "
        "found | by | verdicts |",
        "|---|---:|---:|---:|---:|---|---:|---:|---|---|",
    )

    condition: str
    windows: int
    reference: str
    accuracy: float
    confident: float
    """The accuracy by Average Thresholded Confidence."""
    score: float
    in_band: float
    """Windows whose own accuracy is in their band with its sampling error."""
    found: float
    """Windows in which a test found a drift."""
    by: tuple[tuple[str, float], ...]
    """Tests that found it, each with the share of windows, the most frequent first."""
    states: tuple[tuple[str, float], ...]

    @property
    def band_holds(self) -> bool:
        """Whether the accuracy is between the two estimates, or a point from them at most."""
        low, high = sorted((self.confident, self.score))
        return low - TOLERANCE <= self.accuracy <= high + TOLERANCE

    def __str__(self) -> str:
        cells = (
            self.condition,
            f"{self.windows:,}",
            *(f"{figure:.3f}" for figure in (self.accuracy, self.confident, self.score)),
            "yes" if self.band_holds else "**no**",
            f"{self.in_band:.1%}",
            f"{self.found:.1%}",
            ", ".join(f"{subject} {share:.0%}" for subject, share in self.by if share >= 0.01) or "–",
            ", ".join(f"{state} {share:.1%}" for state, share in self.states),
        )
        return f"| {' | '.join(cells)} |"


def figures_of(condition: str, drawn: Sequence[Drawn]) -> ConditionFigures:
    """Return the figures of windows; one at least."""
    subjects = Counter(subject for result in drawn for subject in result.subjects)
    states = Counter(str(result.verdict.state) for result in drawn)
    sizes = sorted({len(result.others) for result in drawn})
    return ConditionFigures(
        condition=condition,
        windows=len(drawn),
        reference=f"{sizes[0]:,} pictures",
        accuracy=float(np.mean([result.accuracy for result in drawn])),
        confident=float(np.mean([result.confident for result in drawn])),
        score=float(np.mean([result.pictures.scores.mean() for result in drawn])),
        in_band=float(np.mean([result.band_holds for result in drawn])),
        found=float(np.mean([bool(result.subjects) for result in drawn])),
        by=tuple((subject, count / len(drawn)) for subject, count in subjects.most_common()),
        states=tuple((state, count / len(drawn)) for state, count in states.most_common()),
    )
