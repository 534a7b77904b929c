"""Plots are the same each time, follow the page's colours, and show names as text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import numpy as np
import pytest
from matplotlib.axes import Axes

from shared.reporting.document import Plot
from shared.reporting.embedded_svg import COLOURS, drawn
from shared.reporting.html_page import TEMPLATES
from shared.reporting.plots import Histogram, days_plot, distribution_plot, shares_plot
from shared.reporting.plots_of_accuracy import Interval, confusion_plot, intervals_plot

NAMES = ("daisy", "$x^2$", "<script>", "花\u202e", "x" * 90)
EDGES = tuple(index / 4 for index in range(5))

PLOTS: dict[str, Callable[[str], Plot]] = {
    "days": lambda name: days_plot(name, "Days", [date(2026, 1, 1)], [(label, [2]) for label in NAMES]),
    "shares": lambda name: shares_plot(name, "Shares", NAMES, [0.2] * 5, [0.1] * 5),
    "distribution": lambda name: distribution_plot(
        name, "Scores", "score", Histogram(EDGES, (1, 2, 3, 4)), Histogram(EDGES, (4, 3, 2, 1)), marks=[(0.5, "$x$")]
    ),
    "confusion": lambda name: confusion_plot(name, "Confusion", NAMES, NAMES, np.eye(5, dtype=int).tolist(), 5),
    "intervals": lambda name: intervals_plot(
        name, "Accuracy", [Interval(label, 0.8, 0.9, 0.85) for label in NAMES], 0.8
    ),
}


@pytest.mark.parametrize("kind", PLOTS)
def test_plot_is_the_same_each_time(kind: str) -> None:
    assert PLOTS[kind]("plot") == PLOTS[kind]("plot")


@pytest.mark.parametrize("kind", PLOTS)
def test_plot_has_the_colours_of_the_page_alone(kind: str) -> None:
    svg = PLOTS[kind]("plot").svg
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", svg.replace("url(#", "").replace('href="#', "")) == []
    used = set(re.findall(r"var\(--([\w-]+)\)", svg))
    assert used
    assert used <= set(COLOURS.values())


def test_colours_of_plots_are_properties_of_the_page() -> None:
    style = (TEMPLATES / "report.css").read_text("utf-8")
    assert [name for name in COLOURS.values() if style.count(f"--{name}: #") != 3] == []


@pytest.mark.parametrize("kind", PLOTS)
def test_plot_has_no_markup_but_drawings_and_shows_names_as_text(kind: str) -> None:
    svg = PLOTS[kind]("plot").svg
    assert set(re.findall(r"<(\w+)", svg)) <= {"svg", "g", "path", "text", "tspan", "defs", "use", "clipPath", "rect"}
    assert "xmlns" not in svg
    assert "\u202e" not in svg
    if kind != "distribution":
        assert "&lt;script&gt;" in svg
        assert "$x^2$" in svg


@pytest.mark.parametrize("kind", PLOTS)
def test_ids_of_two_plots_of_a_page_differ(kind: str) -> None:
    first, second = (set(re.findall(r'id="([^"]+)"', PLOTS[kind](name).svg)) for name in ("one", "two"))
    assert first & second == set()
    references = {
        *re.findall(r"url\(#([^)]+)\)", PLOTS[kind]("one").svg),
        *re.findall(r'href="#([^"]+)"', PLOTS[kind]("one").svg),
    }
    assert references <= first


def test_plot_in_a_colour_that_is_not_of_the_page_is_refused() -> None:
    def red(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color="#ff0000")

    with pytest.raises(ValueError, match="A plot has the colour #ff0000, which is not of the page"):
        drawn("plot", 1, 1, red)


def test_histogram_counts_what_is_beyond_its_edges_in_the_outer_bins() -> None:
    values = np.array([-5.0, 0.1, 0.6, 1.0, 7.0, np.nan, np.inf])
    assert Histogram.of(values, EDGES).counts == (2, 0, 1, 2)


def test_plot_of_nothing_has_no_shares() -> None:
    plot = distribution_plot("plot", "Scores", "score", Histogram(EDGES, (0, 0, 0, 0)), None)
    assert "There is no reference to compare with" in plot.description
    assert [row[-1] for row in plot.numbers.rows] == ["0.0 %"] * 4
