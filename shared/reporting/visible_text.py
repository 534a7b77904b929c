"""Texts of others in a report: control characters are written out, and long names are cut."""

from __future__ import annotations

import unicodedata

CONTROLS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that are written out: controls, formats (directions of writing), what has no character."""

JOINERS = frozenset("\u200c\u200d")
"""Formats that are kept, since text needs them: in emoji, and in Persian and Hindi."""

MOST_CHARACTERS = 200
"""Of a text of others in a table; object names may have 1,024 bytes."""


def visible(text: object) -> str:
    """Return a text on one line, with control characters written out: ``\\x1b`` for the escape character."""
    plain = str(text)
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(map(_visible, plain))


def cut(text: object, most: int = MOST_CHARACTERS) -> str:
    """Return a visible text of at most ``most`` characters: the middle of a longer one is left out.

    Args:
        text: a name of others, or a value that is converted to text.
        most: 3 or more.
    """
    plain = visible(text)
    if len(plain) <= most:
        return plain
    tail = (most - 1) // 3
    return f"{plain[: most - 1 - tail]}…{plain[len(plain) - tail :]}"


def _visible(character: str) -> str:
    if character in JOINERS or unicodedata.category(character) not in CONTROLS:
        return character
    return character.encode("unicode_escape").decode("ascii")
