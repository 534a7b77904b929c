"""Files that a user names, one by one or by their folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def files_under(path: Path) -> Iterator[Path]:
    """Yield a file, or every file below a folder in the order of names, without hidden ones."""
    if not path.is_dir():
        yield path
        return
    for inside in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in inside.relative_to(path).parts)
        if inside.is_file() and not hidden:
            yield inside
