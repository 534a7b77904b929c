"""Tests that docs/glossary.md and docs/style.md follow their own rules."""

from __future__ import annotations

import re

import pytest

from tests.docs.word_lists import STYLE, avoided, avoided_words_in

ROOT = STYLE.parents[1]
LATER = ("docs/cli.md", "docs/despliegue.md", "docs/hostile-input.md")
"""Pages that are not held to the word list: written from help texts, in Spanish, and not rewritten yet."""

PLAIN = sorted(
    name
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md"))
    if (name := path.relative_to(ROOT).as_posix()) not in LATER
)
"""Pages that follow docs/style.md."""

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
    written = re.sub(r"<!-- (\S+) -->.*?<!-- /\1 -->", "", (ROOT / name).read_text("utf-8"), flags=re.DOTALL)
    code = r"^(?:\||    ).*$|<!--.*?-->|`[^`]*`|\]\([^)]*\)|alt=\"[^\"]*\""
    prose = re.sub(code, "", written, flags=re.MULTILINE)
    assert [word for _, word, _ in avoided_words_in(prose)] == []
