"""A document: sections of blocks, which ``html_page`` and ``markdown_page`` write down.

Every text is plain: names and labels of others are escaped when the document is written, so a builder passes them as
they are. Only a plot is markup, which ``plots`` makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, NewType

EmbeddedSvg = NewType("EmbeddedSvg", str)
"""An ``<svg>`` element that is safe inside an HTML page: made by ``embedded_svg.embedded`` alone."""


class Tone(StrEnum):
    """What a remark means. Its words carry the meaning too: colours alone reach not every reader."""

    NEUTRAL = "neutral"
    GOOD = "good"
    CAUTION = "caution"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of plain text."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A statement that stands out, such as a verdict."""

    kind: ClassVar[str] = "remark"
    title: str
    text: str
    tone: Tone = Tone.NEUTRAL


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of statements."""

    kind: ClassVar[str] = "bullets"
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A command to type, a line of its own."""

    kind: ClassVar[str] = "command"
    text: str


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """A number that the reader looks for first."""

    name: str
    value: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """The most important numbers, side by side."""

    kind: ClassVar[str] = "key_figures"
    figures: tuple[KeyFigure, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first cell of a row is its heading.

    Raises:
        ValueError: a row has another number of cells than there are columns.
    """

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    """What a reader must know of the numbers; may be empty."""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"A row of the table {self.caption!r} has {len(row)} cells, expected {len(self.columns)}."
                )


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot, and the numbers that it shows: for readers who do not see it, and for Markdown."""

    kind: ClassVar[str] = "plot"
    title: str
    description: str
    """What the plot shows, as a sentence: its text alternative."""
    svg: EmbeddedSvg
    numbers: Table


@dataclass(frozen=True, slots=True)
class Picture:
    """A thumbnail with what is known of it."""

    title: str
    """Usually a file name."""
    lines: tuple[str, ...]
    alternative: str
    """What a reader learns who does not see it."""
    jpeg: bytes | None
    """None where the picture could not be read."""
    fault: str = ""
    """Why it could not, as a sentence."""


@dataclass(frozen=True, slots=True)
class Gallery:
    """Thumbnails under a caption."""

    kind: ClassVar[str] = "gallery"
    caption: str
    pictures: tuple[Picture, ...]


Block = Paragraph | Remark | Bullets | Command | KeyFigures | Table | Plot | Gallery


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and what stands below it."""

    title: str
    blocks: tuple[Block, ...]
    sections: tuple[Section, ...] = ()
    """One level below; they have no sections of their own."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """The words that pages add to a document, in its language."""

    language: str
    """As BCP 47 has it: ``en``."""
    contents: str
    numbers: str
    """The heading of a plot's numbers."""
    no_picture: str


ENGLISH = Phrases("en", "Contents", "The numbers", "no picture")
SPANISH = Phrases("es", "Contenido", "Los números", "sin imagen")


@dataclass(frozen=True, slots=True)
class Document:
    """A report: the same document always gives the same pages."""

    title: str
    subtitle: str
    """What it is about, and when it was made."""
    summary: tuple[Block, ...]
    """What stands before the first section."""
    sections: tuple[Section, ...]
    closing: str = ""
    """The last line: where the facts come from."""
    phrases: Phrases = field(default=ENGLISH)

    def numbered(self) -> Iterator[tuple[str, Section]]:
        """Yield each section with an id that depends on its position alone: titles may be names of others."""
        for number, section in enumerate(self.sections, start=1):
            yield f"section-{number}", section
