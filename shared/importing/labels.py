"""Label names as people keep them: typed with commas, or a file with a line each, maybe numbered."""

from __future__ import annotations

import re
from pathlib import Path

from shared.errors import Misconfigured

NUMBERED = re.compile(r"\s*(\d+)[\s:,]+(\S.*)")


def labels_from(text: str) -> tuple[str, ...]:
    """Read what ``--labels`` was given: names with commas, or the path of a file as ``labels_in`` reads it.

    Raises:
        Misconfigured: the file cannot be read, or no name is given, or one twice.
    """
    path = Path(text)
    if "," not in text and (path.is_file() or path.suffix.lower() in (".txt", ".csv", ".names")):
        try:
            return checked(labels_in(path.read_text("utf-8-sig")), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured("--labels", [f"{path} cannot be read as text ({error})"]) from error
    return checked(tuple(name.strip() for name in text.split(",") if name.strip()), f"{text!r}")


def labels_in(content: str) -> tuple[str, ...]:
    """Return the names in a text, one a line; numbers before them are left out where they count from 0.

    Teachable Machine writes ``0 daisy``, other tools ``0: daisy`` or ``0,daisy``.
    """
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    numbered = [NUMBERED.fullmatch(line) for line in lines]
    if all(found and int(found[1]) == index for index, found in enumerate(numbered)):
        return tuple(found[2].strip() for found in numbered if found)
    return tuple(lines)


def are_numbered(content: str) -> bool:
    """Return whether every line begins with its own number, counted from 0."""
    lines = tuple(line.strip() for line in content.splitlines() if line.strip())
    return labels_in(content) != lines


def checked(labels: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Return the labels if there are any, and none twice.

    Raises:
        Misconfigured: otherwise.
    """
    if not labels:
        raise Misconfigured("--labels", [f"{where} names no label; expected a,b,c or a file with one a line"])
    if twice := sorted({name for name in labels if labels.count(name) > 1}):
        raise Misconfigured("--labels", [f"{where} names {', '.join(twice)} twice"])
    return labels
