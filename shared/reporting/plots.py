"""The plots of reports. Each has its numbers as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from shared.reporting.document import Column, Plot, Table
from shared.reporting.embedded_svg import ACCENT, BAD, INK, SERIES, drawn
from shared.reporting.visible_text import cut
from shared.reporting.wording import count, counted, percent

Floats = npt.NDArray[np.float64]

WIDTH_IN = 7.4
MOST_NAME = 22
"""Characters of a label in a plot."""

NAMED_GROUPS = len(SERIES) - 1
"""Groups of a stacked plot that have a colour of their own; the others share one."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How values are spread over bins."""

    edges: tuple[float, ...]
    """Of the bins, ascending; one more than there are bins."""
    counts: tuple[int, ...]

    @classmethod
    def of(cls, values: Floats, edges: Sequence[float]) -> Histogram:
        """Count values; what is not finite does not count, and what is beyond the edges is in the outer bins.

        Args:
            values: shape (n,).
            edges: ascending, 2 or more.
        """
        clipped = np.clip(values[np.isfinite(values)], edges[0], edges[-1])
        return cls(tuple(edges), tuple(int(number) for number in np.histogram(clipped, edges)[0]))

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of the values in each bin, 0 to 1; 0 where there are no values."""
        total = sum(self.counts)
        return tuple(number / total if total else 0.0 for number in self.counts)


def distribution_plot(
    name: str,
    title: str,
    unit: str,
    values: Histogram,
    reference: Histogram | None,
    *,
    marks: Sequence[tuple[float, str]] = (),
) -> Plot:
    """Draw a distribution as bars, and its reference as a line.

    Args:
        name: of the plot on its page.
        title: one line.
        unit: of the values, below the axis.
        values: of the period.
        reference: with the same edges; None if there is none.
        marks: values with their names, each drawn as an upright line.
    """

    def draw(axes: Axes) -> None:
        axes.bar(
            values.edges[:-1],
            [100 * share for share in values.shares],
            width=np.diff(values.edges) * 0.92,
            align="edge",
            color=ACCENT,
            label=f"this period ({count(sum(values.counts))})",
        )
        if reference is not None:
            heights = [100 * share for share in reference.shares]
            label = f"reference ({count(sum(reference.counts))})"
            axes.stairs(heights, reference.edges, baseline=None, color=INK, linewidth=1.8, label=label)
        for position, text in marks:
            axes.axvline(position, color=BAD, linewidth=1.4, linestyle="--", label=text)
        axes.set(xlabel=unit, xlim=(values.edges[0], values.edges[-1]))
        _percents(axes)
        legend_above(axes)

    rows = []
    for index, share in enumerate(values.shares):
        low, high = values.edges[index : index + 2]
        cells = (f"{low:.3g} to {high:.3g}", count(values.counts[index]), percent(share))
        rows.append(cells if reference is None else (*cells, percent(reference.shares[index])))
    columns = [Column(unit), Column("pictures", True), Column("share", True)]
    columns += [] if reference is None else [Column("share of the reference", True)]
    pictures = sum(values.counts)
    peak = int(np.argmax(values.counts))
    description = (
        f"Bars: {counted(pictures, 'picture')} of this period, most often {values.edges[peak]:.3g} to "
        f"{values.edges[peak + 1]:.3g}."
    )
    description += " Line: the reference." if reference is not None else " There is no reference to compare with."
    return Plot(title, description, drawn(name, WIDTH_IN, 2.6, draw), Table(title, tuple(columns), tuple(rows)))


def days_plot(
    name: str, title: str, days: Sequence[date], groups: Sequence[tuple[str, Sequence[int]]], unit: str = "day"
) -> Plot:
    """Draw counts by day, or by another length of time, as stacked bars.

    Args:
        name: of the plot on its page.
        title: one line.
        days: the first day of each bar, in order, 1 or more.
        groups: names with their counts by day, the largest first; at most ``NAMED_GROUPS``, and one for all others.
        unit: the length of time of a bar.
    """
    totals = np.array([counts for _, counts in groups], np.int64).sum(axis=0) if groups else np.zeros(len(days))

    def draw(axes: Axes) -> None:
        below = np.zeros(len(days))
        for index, (group, counts) in enumerate(groups):
            colour = SERIES[index] if index < NAMED_GROUPS else SERIES[-1]
            axes.bar(range(len(days)), counts, bottom=below, width=0.86, color=colour, label=cut(group, MOST_NAME))
            below += counts
        axes.set_xlim(-0.6, len(days) - 0.4)
        step = max(1, -(-len(days) // 8))
        axes.set_xticks(range(0, len(days), step), [f"{day:%d} {day:%b}" for day in days[::step]])
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: count(int(value))))
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        legend_above(axes)

    rows = tuple(
        (day.isoformat(), *(count(int(counts[index])) for _, counts in groups), count(int(totals[index])))
        for index, day in enumerate(days)
    )
    columns = (Column(unit), *(Column(cut(group, 60), True) for group, _ in groups), Column("together", True))
    top, when = int(np.argmax(totals)), "on" if unit == "day" else f"in the {unit} from"
    description = f"{counted(int(totals.sum()), 'picture')}; most {when} {days[top]}: {count(int(totals[top]))}."
    return Plot(title, description, drawn(name, WIDTH_IN, 2.9, draw), Table(title, columns, rows))


def shares_plot(
    name: str, title: str, labels: Sequence[str], shares: Sequence[float], reference: Sequence[float] | None
) -> Plot:
    """Draw the share of each label as a bar, and that of the reference as a mark.

    Args:
        name: of the plot on its page.
        title: one line.
        labels: 1 or more, in the order of the plot from above.
        shares: of each label, 0 to 1.
        reference: of each label; None if there is none.
    """

    def draw(axes: Axes) -> None:
        rows = range(len(labels))
        axes.barh(rows, [100 * share for share in shares], height=0.62, color=ACCENT, label="this period")
        if reference is not None:
            axes.scatter(
                [100 * share for share in reference],
                rows,
                marker="|",
                s=260,
                linewidth=2.4,
                color=INK,
                label="reference",
            )
        axes.set_yticks(rows, [cut(label, MOST_NAME) for label in labels])
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
        axes.set_xlim(left=0)
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        legend_above(axes)

    columns = [Column("label"), Column("share", True)]
    columns += [] if reference is None else [Column("share of the reference", True)]
    rows = tuple(
        (cut(label), percent(share), *([] if reference is None else [percent(reference[index])]))
        for index, (label, share) in enumerate(zip(labels, shares, strict=True))
    )
    top = int(np.argmax(shares))
    description = f"The most frequent label is {cut(labels[top], 60)}, with {percent(shares[top])} of the pictures."
    height = 0.9 + 0.34 * len(labels)
    return Plot(title, description, drawn(name, WIDTH_IN, height, draw), Table(title, tuple(columns), rows))


def _percents(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)


def legend_above(axes: Axes) -> None:
    """Put the legend above the plot, if it has names to explain."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2, columnspacing=1.4, handlelength=1.2
        )
