"""Plots of how right a model is. Each has its numbers as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from shared.reporting.document import Column, Plot, Table
from shared.reporting.embedded_svg import ACCENT, BAD, INK, MUTED, drawn
from shared.reporting.plots import MOST_NAME, WIDTH_IN, legend_above
from shared.reporting.visible_text import cut
from shared.reporting.wording import count, percent


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its uncertainty, 0 to 1."""

    name: str
    low: float
    high: float
    value: float | None = None
    """None where the figure is the range itself."""


def confusion_plot(
    name: str, title: str, truths: Sequence[str], labels: Sequence[str], counts: Sequence[Sequence[int]], right: int
) -> Plot:
    """Draw a confusion matrix with its counts, shaded by the share of each row.

    Args:
        name: of the plot on its page.
        title: one line.
        truths: labels of people, one a row.
        labels: labels of the model, one a column.
        counts: shape (rows, columns).
        right: pictures whose label is right; rows and columns of several labels do not show it.
    """
    matrix = np.asarray(counts, np.int64)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)

    def draw(axes: Axes) -> None:
        for row, column in np.ndindex(matrix.shape):
            # at most 0.45 opaque, so that the number keeps its contrast in light and dark
            axes.barh(row, 0.94, left=column - 0.47, height=0.94, color=ACCENT, alpha=0.04 + 0.41 * shares[row, column])
            colour = INK if matrix[row, column] else MUTED
            axes.text(column, row, count(int(matrix[row, column])), ha="center", va="center", color=colour)
        axes.set_xticks(range(len(labels)), [cut(label, MOST_NAME) for label in labels], rotation=30, ha="right")
        axes.set_yticks(range(len(truths)), [cut(label, MOST_NAME) for label in truths])
        axes.set(xlabel="label of the model", ylabel="label of a person")
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_ylim(len(truths) - 0.5, -0.5)
        axes.spines[:].set_visible(False)

    columns = (Column("label of a person"), *(Column(cut(label, 60), True) for label in labels))
    rows = tuple((cut(truth), *(count(int(number)) for number in matrix[row])) for row, truth in enumerate(truths))
    description = f"{count(right)} of {count(int(matrix.sum()))} pictures have the same label from both."
    height = 1.6 + 0.42 * len(truths)
    return Plot(title, description, drawn(name, WIDTH_IN, height, draw), Table(title, columns, rows))


def intervals_plot(name: str, title: str, intervals: Sequence[Interval], floor: float | None) -> Plot:
    """Draw figures with their intervals below each other, and a floor that they must not fall below.

    Args:
        name: of the plot on its page.
        title: one line.
        intervals: 1 or more.
        floor: 0 to 1; None if there is none.
    """

    def draw(axes: Axes) -> None:
        for row, interval in enumerate(intervals):
            axes.plot([100 * interval.low, 100 * interval.high], [row, row], color=ACCENT, linewidth=7, alpha=0.55)
            if interval.value is not None:
                axes.plot([100 * interval.value], [row], color=INK, marker="o", markersize=7)
        if floor is not None:
            axes.axvline(100 * floor, color=BAD, linewidth=1.6, linestyle="--", label=f"floor, {percent(floor)}")
            legend_above(axes)
        axes.set_yticks(range(len(intervals)), [cut(interval.name, 34) for interval in intervals])
        axes.set_ylim(len(intervals) - 0.4, -0.6)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.08)

    rows = tuple(
        (cut(item.name), "" if item.value is None else percent(item.value), percent(item.low), percent(item.high))
        for item in intervals
    )
    columns = (Column("figure"), Column("value", True), Column("low", True), Column("high", True))
    parts = [f"{cut(item.name, 60)}: {percent(item.low)} to {percent(item.high)}" for item in intervals]
    parts += [] if floor is None else [f"the floor is {percent(floor)}"]
    svg = drawn(name, WIDTH_IN, 0.9 + 0.42 * len(intervals), draw)
    return Plot(title, f"{'; '.join(parts)}.", svg, Table(title, columns, rows))
