"""Word lists of docs/style.md."""

from __future__ import annotations

from pathlib import Path

from tests.docs.documents import between

STYLE = Path(__file__).parents[2] / "docs" / "style.md"


def avoided(mark: str) -> dict[str, str]:
    """Return the words or phrases of one list, in lower case, each with what to write instead.

    Args:
        mark: ``words`` for text, ``names`` for identifiers.
    """
    rows = [row.strip("| ").split(" | ", 1) for row in between(STYLE.read_text("utf-8"), mark).splitlines()[2:]]
    return {word.strip().lower(): instead for words, instead in rows for word in words.split(",")}
