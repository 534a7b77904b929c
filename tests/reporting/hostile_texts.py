"""Names that uploaders may choose, and a document that is full of one."""

from __future__ import annotations

from shared.reporting.document import (
    Bullets,
    Column,
    Command,
    Document,
    EmbeddedSvg,
    Gallery,
    KeyFigure,
    KeyFigures,
    Paragraph,
    Picture,
    Plot,
    Remark,
    Section,
    Table,
    Tone,
)

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>.jpg",
    "' style='position:fixed",
    "</title></style><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "a|b|c",
    "`code` ``more`` ```",
    "[click](javascript:alert(1)) ![x](https://example.com/x.png)",
    "https://example.com/track?me www.example.com ada@example.com @team",
    "line\nbreak\r\n| new | row |\n\n# heading",
    "# heading", "- item", "1. item", "> quote", "---", "    code", "***bold***", "~~gone~~", "&lt;b&gt; &#64;", "\\",
    "right\u202eto left\u2066", "null\x00 bell\x07 escape\x1b[31m", "\ud800", "🌻 花 ورد",
    "x" * 5_000,
)  # fmt: skip


def full_document(text: str) -> Document:
    """Return a document with every kind of block, which has a text wherever a text can be."""
    table = Table(text, (Column(text), Column(text, True)), ((text, text), (text, text)), text)
    gallery = Gallery(text, (Picture(text, (text,), text, b"jpeg"), Picture(text, (text,), text, None, text)))
    drawing = EmbeddedSvg('<svg aria-hidden="true" viewBox="0 0 1 1"></svg>')
    blocks = (
        Paragraph(text),
        Remark(text, text, Tone.BAD),
        Bullets((text, text)),
        Command(text),
        KeyFigures((KeyFigure(text, text, text),)),
        table,
        Plot(text, text, drawing, table),
        gallery,
    )
    section = Section(text, blocks, (Section(text, blocks),))
    return Document(text, text, blocks, (section, section), text)
