"""Write a document as an HTML page that stands alone: no script, and nothing to load."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from shared.reporting.document import Document, Picture, Plot
from shared.reporting.visible_text import visible

TEMPLATES = Path(__file__).parent / "templates"

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Nothing is loaded or run (https://www.w3.org/TR/CSP3/); plots have their colours in style attributes."""


def html_page(document: Document) -> str:
    """Return the page of a document; equal documents give equal pages."""
    return _template().render(document=document, policy=POLICY, style=Markup(_style()))  # noqa: S704  # our own file


@cache
def _style() -> str:
    return (TEMPLATES / "report.css").read_text("utf-8")


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(drawing_of=_drawing_of, source_of=_source_of)
    return environment.get_template("report.html")


def _visible(value: object) -> object:
    """Write out control characters of everything that the template prints, except of markup."""
    return value if isinstance(value, Markup) else visible(value)


def _drawing_of(plot: Plot) -> Markup:
    return Markup(plot.svg)  # noqa: S704  # made by embedded_svg.embedded alone


def _source_of(picture: Picture) -> str:
    """Return the address of a thumbnail, which holds the thumbnail itself."""
    return f"data:image/jpeg;base64,{base64.b64encode(picture.jpeg or b'').decode('ascii')}"
