"""Tests that docs/glossary.md and docs/style.md follow their own rules."""

from __future__ import annotations

import re

import pytest

from tests.docs.word_lists import STYLE, avoided

ROOT = STYLE.parents[1]
PLAIN = (
    "README.md",
    *(f"docs/{name}.md" for name in ("README", "development", "glossary", "settings", "style", "use")),
)
"""Pages that follow docs/style.md; the others will be rewritten one by one."""

GLOSSARY = STYLE.with_name("glossary.md")
ENTRY = re.compile(r"^### (.+)\n\n((?:.+\n)+)", re.MULTILINE)
ENTRIES = dict(ENTRY.findall(GLOSSARY.read_text("utf-8")))


def test_glossary_is_alphabetic_and_defines_each_word_once() -> None:
    words = re.findall(r"^### (.+)$", GLOSSARY.read_text("utf-8"), re.MULTILINE)
    assert words == sorted(set(words))
    assert len(words) >= 40
    assert list(ENTRIES) == words


def test_glossary_names_where_each_thing_is_or_that_it_is_planned() -> None:
    assert [word for word, text in ENTRIES.items() if "](" not in text and "Planned" not in text] == []


def test_glossary_entries_are_short() -> None:
    assert {word: text for word, text in ENTRIES.items() if len(text.splitlines()) > 4} == {}


@pytest.mark.parametrize("mark", ["words", "names"])
def test_style_lists_each_word_once_with_a_better_one(mark: str) -> None:
    words = avoided(mark)
    assert len(words) >= 10
    assert [word for word, instead in words.items() if not instead.strip()] == []
    assert not any(word in instead.split("; ")[0].split(", ") for word, instead in words.items())


@pytest.mark.parametrize("name", PLAIN)
def test_plain_pages_follow_the_word_list(name: str) -> None:
    code = r"^(?:\||    ).*$|<!--.*?-->|`[^`]*`|\]\([^)]*\)|alt=\"[^\"]*\""
    prose = re.sub(code, "", (ROOT / name).read_text("utf-8"), flags=re.MULTILINE)
    assert [word for word in avoided("words") if re.search(rf"\b{word}\b", prose, re.IGNORECASE)] == []
