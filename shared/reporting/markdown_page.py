"""Write a document as Markdown (CommonMark, with the tables of GitHub): plots become their numbers, pictures rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from shared.reporting.document import (
    Block,
    Bullets,
    Command,
    Document,
    Gallery,
    KeyFigures,
    Paragraph,
    Plot,
    Remark,
    Table,
)
from shared.reporting.visible_text import visible

SPECIAL = re.compile(r"[\\`*_\[\]<>|~&#!$]")
"""Characters that begin markup anywhere in a line (https://spec.commonmark.org/0.31.2/#backslash-escapes)."""

AT_THE_START = re.compile(r"^(?:([-+])(?=[\s-]|$)|(\d+)([.)])(?=\s|$))")
"""What makes a line a list or a rule."""

ADDRESSES = (
    (re.compile("://"), r"\\://"),
    (re.compile(r"(?i)\b(www)\."), r"\1\\."),
    (re.compile("@"), "@<!-- -->"),
)
"""What GitHub makes links and mentions of without markup (https://github.github.com/gfm/#autolinks-extension-). An
address of mail is recognised in the text around the at sign, so an escape does not help, and a comment does."""


def markdown_page(document: Document) -> str:
    """Return a document in Markdown; equal documents give equal pages."""
    parts = [f"# {escaped(document.title)}", escaped(document.subtitle), *_blocks(document.summary)]
    for section in document.sections:
        parts += [f"## {escaped(section.title)}", *_blocks(section.blocks)]
        for inner in section.sections:
            parts += [f"### {escaped(inner.title)}", *_blocks(inner.blocks)]
    if document.closing:
        parts += ["---", escaped(document.closing)]
    return "\n\n".join(parts) + "\n"


def escaped(text: object) -> str:
    """Return a text on one line that Markdown shows as it is: no markup, no link, no mention, no cell of a table."""
    plain = SPECIAL.sub(r"\\\g<0>", visible(text).strip())
    plain = AT_THE_START.sub(_escape_the_start, plain)
    for pattern, replacement in ADDRESSES:
        plain = pattern.sub(replacement, plain)
    return plain


def _escape_the_start(match: re.Match[str]) -> str:
    sign, number, mark = match.groups()
    return f"\\{sign}" if sign else f"{number}\\{mark}"


def _blocks(blocks: tuple[Block, ...]) -> Iterator[str]:
    for block in blocks:
        yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Paragraph():
            yield escaped(block.text)
        case Remark():
            yield f"> **{escaped(block.title)}** {escaped(block.text)}"
        case Bullets():
            yield "\n".join(f"- {escaped(item)}" for item in block.items)
        case Command():
            # an indented block would become part of a list before it
            fence = "~" * max(3, *(len(run) + 1 for run in re.findall("~+", block.text) or ("",)))
            yield "\n".join([fence, *(visible(line) for line in block.text.splitlines()), fence])
        case KeyFigures():
            figures = ((figure.name, figure.value, figure.remark) for figure in block.figures)
            yield "\n".join(f"- {escaped(name)}: {_joined(value, remark)}" for name, value, remark in figures)
        case Table():
            yield from _table(block)
        case Plot():
            yield f"**{escaped(block.title)}**"
            yield escaped(block.description)
            yield _rows_of(block.numbers)
        case Gallery():
            yield f"**{escaped(block.caption)}**"
            yield "\n".join(
                f"- {escaped(picture.title)}: {'; '.join(map(escaped, filter(None, (*picture.lines, picture.fault))))}"
                for picture in block.pictures
            )


def _joined(value: str, remark: str) -> str:
    return f"**{escaped(value)}**" + (f", {escaped(remark)}" if remark else "")


def _table(table: Table) -> Iterator[str]:
    yield f"**{escaped(table.caption)}**"
    yield _rows_of(table)
    if table.note:
        yield escaped(table.note)


def _rows_of(table: Table) -> str:
    lines = [
        _row(column.title for column in table.columns),
        "|" + "|".join("---:" if column.is_number else "---" for column in table.columns) + "|",
        *(_row(row) for row in table.rows),
    ]
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"
