"""A picture of the days of a replay: estimated and true accuracy, and the verdict of each day."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tests.system.proofs.days import JudgedDay

DPI = 100
INK, ACCENT = "#4b5563", "#1a73e8"
COLOURS = {"steady": "#34a853", "drifting": "#fbbc04", "harmed": "#d93025", "unknown": "#9aa0a6"}


def draw_days(days: Sequence[JudgedDay], shift_on: int, title: str, path: Path) -> None:
    """Draw the days as a PNG file.

    Args:
        days: one at least.
        shift_on: the first day of the shift.
        title: a line above.
        path: the file to write.
    """
    figure = Figure(figsize=(9, 4), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(5, 1))
    banded = [(day.number, day.judgement.verdict.band) for day in days]
    known = [(number, band) for number, band in banded if band is not None]
    above.fill_between(
        [number for number, _ in known],
        [band.least for _, band in known],
        [band.most for _, band in known],
        color=ACCENT,
        alpha=0.12,
        linewidth=0,
        label="with sampling error",
    )
    above.fill_between(
        [number for number, _ in known],
        [band.low for _, band in known],
        [band.high for _, band in known],
        color=ACCENT,
        alpha=0.4,
        linewidth=0,
        label="estimated accuracy",
    )
    truths = [(day.number, day.accuracy) for day in days if day.accuracy is not None]
    above.plot(*zip(*truths, strict=True), color=INK, marker=".", label="true accuracy (monitoring does not have it)")
    floors = [(day.number, day.judgement.verdict.floor) for day in days if day.judgement.verdict.floor is not None]
    if floors:
        above.plot(*zip(*floors, strict=True), color=COLOURS["harmed"], linewidth=1, linestyle="--", label="floor")
    above.set(title=title, ylabel="accuracy")
    above.legend(frameon=False, fontsize=8, loc="lower left")
    for state, colour in COLOURS.items():
        numbers = [day.number for day in days if day.state == state]
        if numbers:
            below.bar(numbers, 1, width=0.9, color=colour, label=state)
    proposed = [day.number for day in days if day.proposes_retraining]
    below.plot(proposed, [0.5] * len(proposed), "k*", markersize=5, label="retraining proposed" if proposed else None)
    below.set(xlabel="day", ylabel="verdict", yticks=[], ylim=(0, 1))
    below.legend(frameon=False, fontsize=8, ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.65))
    for axes in (above, below):
        axes.axvline(shift_on - 0.5, color=INK, linewidth=0.8, linestyle=":")
        axes.spines[["top", "right"]].set_visible(False)
    below.xaxis.get_major_locator().set_params(integer=True)
    figure.savefig(path, dpi=DPI)
