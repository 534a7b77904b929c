"""Figures and goals of the benchmark: the types that all its parts share."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity of one contestant, a value a round. Rounds of all contestants alternate in one run."""

    who: str
    """``bucketlens``, ``limit``, ``keras function``, … ."""
    what: str
    """Such as ``p50, 1 client, 224 px JPEG``; the same words for every contestant."""
    unit: str
    """``s``, ``ms``, ``images/s``, ``MiB``."""
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median of the rounds."""
        return statistics.median(self.values)

    @property
    def more_is_better(self) -> bool:
        """Whether it is a rate; for times, memory and sizes less is better."""
        return self.unit.endswith("/s")


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on the ratio of two figures of one run, round by round; without ``over``, on the figure itself."""

    sentence: str
    figure: Figure
    over: Figure | None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratios(self) -> tuple[float, ...]:
        """The ratio of each round."""
        if self.over is None:
            return self.figure.values
        return tuple(value / other for value, other in zip(self.figure.values, self.over.values, strict=True))

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return statistics.median(self.ratios)

    @property
    def holds(self) -> bool:
        """Whether the median of the rounds is within the bound."""
        ratio = self.ratio
        return (self.at_most is None or ratio <= self.at_most) and (self.at_least is None or ratio >= self.at_least)


def print_measured(figures: Sequence[Figure], goals: Sequence[Goal]) -> None:
    """Print a line for each figure and goal, where one part of the benchmark is run alone."""
    for figure in figures:
        print(f"{figure.who:34} {figure.what:48} {figure.median:8.2f} {figure.unit}")
    for goal in goals:
        print(f"{'holds' if goal.holds else 'FAILS'}: {goal.sentence} {[round(ratio, 3) for ratio in goal.ratios]}")
