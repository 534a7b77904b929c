"""Logs of a local cloud's parts: kept small while they are written, and followed by who watches."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

LARGEST_LOG_BYTES = 10 * 1024 * 1024
"""Of a log; what was there before lies once more beside it, as ``NAME.log.1``."""


def rotate(folder: Path, most: int = LARGEST_LOG_BYTES) -> list[Path]:
    """Put logs that have become large aside and begin anew. Returns which.

    Their writers go on in the same file, at its new end, since all of them append. A line that is written between the
    copy and the cut is lost.
    """
    large = [log for log in folder.glob("*.log") if _size(log) > most]
    for log in large:
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        with log.open("r+b") as file:
            file.truncate(0)
    return large


def last_lines(log: Path, count: int) -> list[str]:
    """Return a log's last lines; none if there is no log."""
    if count < 1 or not log.exists():
        return []
    return log.read_text("utf-8", "replace").splitlines()[-count:]


class Tail:
    """What is added to a log from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = _size(path)

    def news(self) -> str:
        """Return what was added since the last look; of a log that began anew, all of it."""
        size = _size(self._path)
        if size < self._at:
            self._at = 0
        if size == self._at:
            return ""
        with self._path.open("rb") as file:
            file.seek(self._at)
            added = file.read()
        self._at += len(added)
        return added.decode("utf-8", "replace")


def names_in(folder: Path) -> Iterable[str]:
    """Return the parts that have a log."""
    return sorted(log.stem for log in folder.glob("*.log"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
