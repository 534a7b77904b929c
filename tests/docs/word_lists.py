"""Word lists of docs/style.md, and what they find in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.docs.documents import between

STYLE = Path(__file__).parents[2] / "docs" / "style.md"

FINE = {"is no": r"(?<!there )is\s+no(?! longer)"}
"""Patterns of words that are only avoided in some phrases, as docs/style.md says below its list."""


def avoided(mark: str) -> dict[str, str]:
    """Return the words or phrases of one list, in lower case, each with what to write instead.

    Args:
        mark: ``words`` for text, ``names`` for identifiers.
    """
    rows = [row.strip("| ").split(" | ", 1) for row in between(STYLE.read_text("utf-8"), mark).splitlines()[2:]]
    return {word.strip().lower(): instead for words, instead in rows for word in words.split(",")}


@cache
def _pattern_of_words() -> tuple[re.Pattern[str], dict[str, str]]:
    words = avoided("words")
    parts = sorted((FINE.get(word, re.escape(word).replace(r"\ ", r"\s+")) for word in words), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(parts)})\b", re.IGNORECASE), words


def avoided_words_in(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the offset, the word, and what to write instead, for each avoided word of a text."""
    pattern, words = _pattern_of_words()
    for match in pattern.finditer(text):
        word = " ".join(match[0].lower().split())
        yield match.start(), word, words[word]
