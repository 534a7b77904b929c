"""Read label names: typed with commas, or from a file with a line for each, numbered or not."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from shared.errors import Misconfigured

NUMBERED = re.compile(r"\s*(?P<number>\d{1,9})[\s:,]+(?P<name>\S.*)")
NUMBERED_BEHIND = re.compile(r"(?P<name>.*\S)\s*[,;\t]\s*(?P<number>\d{1,9})")
SHOWN = 5
MANY = 100
"""With more names, numbers that count from 0 are not part of the names: ImageNet has two cranes."""


def labels_from(text: str) -> tuple[str, ...]:
    """Read the value of ``--labels``: names with commas, or the path of a file for ``labels_in``.

    Raises:
        Misconfigured: the file cannot be read, there is no name, or a name is typed twice.
    """
    path = Path(text)
    if "," not in text and (path.is_file() or path.suffix.lower() in (".txt", ".csv", ".names")):
        try:
            return named(labels_in(path.read_text("utf-8-sig")), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured("--labels", [f"{path} cannot be read as text ({error})"]) from error
    return checked(tuple(name.strip() for name in text.split(",") if name.strip()), f"{text!r}")


def labels_in(content: str) -> tuple[str, ...]:
    """Return the names in a text, one a line; numbers next to them are left out where they count from 0.

    Teachable Machine writes ``0 daisy``, other tools ``0: daisy``, ``0,daisy`` or ``daisy,0``. Where names differ
    only in their numbers (``0 people``, ``1 people``), the numbers are part of them.
    """
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    for pattern in (NUMBERED, NUMBERED_BEHIND):
        numbered = [match for line in lines if (match := pattern.fullmatch(line))]
        names = tuple(match["name"].strip() for match in numbered)
        counted = [int(match["number"]) for match in numbered] == list(range(len(lines)))
        if counted and len(numbered) == len(lines) and (len(set(names)) == len(names) or len(names) > MANY):
            return names
    return tuple(lines)


def are_numbered(content: str) -> bool:
    """Return whether every line has its number, counted from 0."""
    lines = tuple(line.strip() for line in content.splitlines() if line.strip())
    return labels_in(content) != lines


def checked(labels: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Return the labels, which must not be empty or repeated.

    Raises:
        Misconfigured: there are no labels, or a label occurs twice.
    """
    if twice := _twice(named(labels, where)):
        raise Misconfigured("--labels", [f"{where} names {', '.join(twice)} twice"])
    return labels


def named(labels: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Return the labels, which must not be empty.

    Raises:
        Misconfigured: there are no labels.
    """
    if not labels:
        raise Misconfigured("--labels", [f"{where} names no label; expected a,b,c or a file with one a line"])
    return labels


def without_repeats(labels: tuple[str, ...]) -> tuple[tuple[str, ...], str | None]:
    """Number repeated labels: ``crane``, ``crane 2``. ImageNet's list has crane and maillot twice.

    Returns:
        Labels without repeats, and a remark that names the repeated ones; None without repeats.
    """
    twice = _twice(labels)
    if not twice:
        return labels, None
    taken, apart = set(labels), list(labels)
    for index, label in enumerate(labels):
        if label in labels[:index]:
            number = 2
            while f"{label} {number}" in taken:
                number += 1
            apart[index] = f"{label} {number}"
            taken.add(apart[index])
    some = ", ".join(twice[:SHOWN]) + (f" and {len(twice) - SHOWN} more" if len(twice) > SHOWN else "")
    return tuple(apart), f"labels that occur more than once are numbered from their second on: {some}"


def _twice(labels: tuple[str, ...]) -> list[str]:
    return sorted(label for label, count in Counter(labels).items() if count > 1)
