"""Draw docs/performance.png: six quantities, a bar for each contestant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.system.bench.field import LIMIT, US
from tests.system.bench.over_http import COLD, MEMORY, RATE, SIZE, large, latency
from tests.system.bench.results import Results
from tests.system.bench.tables import number

PANELS = {
    "Start to first answer": COLD,
    "p50 with one client": latency(50, 1),
    "Requests a second, 16 clients": RATE,
    "Memory, 16 clients": MEMORY,
    "12-megapixel JPEG, p50": large("12 MP JPEG"),
    "Installed": SIZE,
}
OURS, KERAS, LITERT, THE_LIMIT, INK, PAPER = "#1a73e8", "#c9b8a8", "#8fa3b0", "#dddddd", "#202124", "#ffffff"


def draw(results: Results, path: Path) -> None:
    """Draw the figures of a run and write the picture."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 3, figsize=(13, 7.2), layout="constrained", facecolor=PAPER)
    for axis, (title, what) in zip(axes.flat, PANELS.items(), strict=True):
        _panel(axis, title, what, results)
    figure.suptitle(f"Bucketlens beside what people would use instead ({results.machine})", fontsize=12, color=INK)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def _panel(axis: Any, title: str, what: str, results: Results) -> None:
    figures = [figure for figure in results.figures if figure.what == what]
    if not figures:
        axis.set_axis_off()
        return
    better = "more" if figures[0].more_is_better else "less"
    names, medians = [figure.who for figure in figures], [figure.median for figure in figures]
    bars = axis.barh(names, medians, color=[_colour(name) for name in names], height=0.72)
    axis.bar_label(
        bars, [f"{number(median)} {figures[0].unit}" for median in medians], padding=3, fontsize=8, color=INK
    )
    axis.set_xlim(0, 1.3 * max(medians))
    axis.set_title(f"{title} ({better} is better)", fontsize=10, loc="left", color=INK)
    axis.invert_yaxis()
    axis.tick_params(axis="y", length=0, labelsize=8, colors=INK)
    axis.tick_params(axis="x", which="both", bottom=False, labelbottom=False)
    for side in axis.spines.values():
        side.set_visible(False)


def _colour(name: str) -> str:
    if name in (US, LIMIT):
        return OURS if name == US else THE_LIMIT
    return KERAS if name.endswith("Keras") else LITERT
