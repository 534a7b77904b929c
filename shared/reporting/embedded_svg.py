"""A figure of matplotlib as an ``<svg>`` element for HTML: its colours follow the page, and its text is text.

A plot is drawn in the colours of ``COLOURS``, each of which stands for a property of the page's style. So one drawing
is right in light and dark.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree  # the parsed file is our own

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from shared.reporting.document import EmbeddedSvg

INK, MUTED, LINE, PAPER, ACCENT, REFERENCE = "#010000", "#020000", "#030000", "#040000", "#050000", "#060000"
GOOD, CAUTION, BAD = "#070000", "#080000", "#090000"
SERIES = ("#0a0000", "#0b0000", "#0c0000", "#0d0000", "#0e0000", "#0f0000")
"""Colours of groups next to each other; the last one is for all others together."""

COLOURS = {
    INK: "ink",
    MUTED: "muted",
    LINE: "line",
    PAPER: "paper",
    ACCENT: "accent",
    REFERENCE: "reference",
    GOOD: "good",
    CAUTION: "caution",
    BAD: "bad",
    **{colour: f"series-{number}" for number, colour in enumerate(SERIES, start=1)},
}
"""Properties of templates/report.css by the colour that stands for them."""

FONT_PT = 10.5

SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched, and has the page's font
    "svg.hashsalt": "bucketlens",  # ids do not depend on chance
    "text.parse_math": False,  # a label with dollar signs is not a formula
    "axes.unicode_minus": True,
    "font.size": FONT_PT,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.titlesize": FONT_PT,
    "axes.labelsize": FONT_PT,
    "xtick.labelsize": FONT_PT,
    "ytick.labelsize": FONT_PT,
    "legend.fontsize": FONT_PT,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": LINE,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "xtick.major.pad": 6,
    "ytick.major.pad": 6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
}
"""In which plots are drawn, whatever matplotlib's own configuration is on a machine."""

SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
REFERENCES = re.compile(r"url\(#([^)]+)\)")
COLOUR = re.compile(r"#[0-9a-f]{6}")


def drawn(name: str, width_in: float, height_in: float, draw: Callable[[Axes], None]) -> EmbeddedSvg:
    """Draw a plot and return it as an element for HTML; the same drawing always gives the same element.

    Not safe in several threads at the same time, as matplotlib's settings are those of the process.

    Args:
        name: of the plot, unlike that of every other plot of the page: it begins every id.
        width_in: in inches, of which the page makes what fits.
        height_in: in inches.
        draw: draws in the colours of this module.

    Raises:
        ValueError: the drawing has a colour that is not of ``COLOURS``.
    """
    file = io.StringIO()
    with warnings.catch_warnings(), mpl.rc_context(SETTINGS):
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # the browser has its own fonts
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.subplots())
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _embedded(file.getvalue(), name)


def _embedded(document: str, name: str) -> EmbeddedSvg:
    root = ElementTree.fromstring(document)  # noqa: S314  # matplotlib wrote it just now
    _drop_styles(root)
    for element in root.iter():
        _translate(element, name)
    for unused in ("width", "height", "version"):
        root.attrib.pop(unused, None)
    root.set("aria-hidden", "true")  # the element around it has the alternative text
    root.set("focusable", "false")
    return EmbeddedSvg(ElementTree.tostring(root, encoding="unicode"))


def _drop_styles(root: ElementTree.Element) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{SVG}style", f"{SVG}metadata"):
                parent.remove(child)


def _translate(element: ElementTree.Element, name: str) -> None:
    """Make an element fit into a page: no namespaces, ids that begin with the plot's name, the page's colours."""
    element.tag = element.tag.removeprefix(SVG)
    if (target := element.attrib.pop(f"{XLINK}href", None)) is not None:
        element.set("href", f"#{name}-{target.removeprefix('#')}")
    if "id" in element.attrib:
        if element.tag == "g":
            del element.attrib["id"]  # of groups, to which nothing refers
        else:
            element.set("id", f"{name}-{element.attrib['id']}")
    for attribute, value in list(element.attrib.items()):
        element.set(attribute, REFERENCES.sub(rf"url(#{name}-\1)", value))
    if style := element.attrib.get("style"):
        declarations = [part.strip() for part in style.split(";")]
        kept = [part for part in declarations if not part.startswith("font-family")]
        element.set("style", COLOUR.sub(_property, "; ".join(kept)))
    if element.text is not None and not element.text.strip():
        element.text = None
    if element.tail is not None and not element.tail.strip():
        element.tail = None
    if "d" in element.attrib:
        element.set("d", " ".join(element.attrib["d"].split()))


def _property(match: re.Match[str]) -> str:
    try:
        return f"var(--{COLOURS[match[0]]})"
    except KeyError:
        raise ValueError(f"A plot has the colour {match[0]}, which is not of the page.") from None
