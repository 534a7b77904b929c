"""Markdown shows every text as it is: read with a parser of CommonMark and GitHub's tables."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from shared.reporting.markdown_page import escaped, markdown_page
from shared.reporting.visible_text import visible
from tests.properties import FEW
from tests.reporting.hostile_texts import HOSTILE, full_document

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
COMMENT = "<!-- -->"
SYNTAX = st.text(alphabet="\\`*_[]<>|~&#!$@:/.()-+=1a \n\t\"'w", max_size=30)


def shown_by(markdown: str) -> str:
    """Return the text of Markdown, and refuse markup in it."""
    text = ""
    for token in PARSER.parse(markdown):
        for child in token.children or ():
            assert child.type in ("text", "text_special") or (child.type, child.content) == ("html_inline", COMMENT)
            text += child.content.replace(COMMENT, "")
    return text


@FEW
@given(st.text(max_size=40) | SYNTAX)
def test_escaped_text_is_shown_as_it_is(text: str) -> None:
    paragraph = PARSER.parse(escaped(text))
    assert [token.type for token in paragraph] in ([], ["paragraph_open", "inline", "paragraph_close"])
    assert shown_by(escaped(text)) == visible(text).strip()


@FEW
@given(st.text(max_size=40) | SYNTAX)
def test_escaped_text_stays_in_its_cell(text: str) -> None:
    table = f"| a | b |\n|---|---|\n| {escaped(text)} | end |\n"
    cells = [token.content for token in PARSER.parse(table) if token.type == "inline"]
    assert len(cells) == 4
    assert cells[3] == "end"


@pytest.mark.parametrize("text", HOSTILE)
def test_page_of_hostile_texts_has_the_structure_of_a_page_of_plain_texts(text: str) -> None:
    hostile, plain = (
        [token.type for token in PARSER.parse(markdown_page(full_document(word)))] for word in (text, "roses")
    )
    assert hostile == plain


@pytest.mark.parametrize("text", ["https://example.com", "HTTP://x.org", "www.example.com", "ada@example.com", "@team"])
def test_addresses_are_not_linked_by_github(text: str) -> None:
    assert not re.search(r"(?i)\w://|\bwww\.|@\w", escaped(text))


def test_page_is_the_same_for_the_same_document() -> None:
    assert markdown_page(full_document("roses")) == markdown_page(full_document("roses"))


def test_plot_is_its_numbers_in_markdown() -> None:
    page = markdown_page(full_document("roses"))
    assert "<svg" not in page
    assert page.count("| roses | roses |") >= 3
