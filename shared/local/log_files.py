"""Log files of a local cloud's parts: rotate them while they are written, and follow them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

LARGEST_LOG_BYTES = 10 * 1024 * 1024
"""Size from which a log is rotated; its lines move to ``NAME.log.1``, which holds one rotation."""


def rotate(folder: Path, largest_bytes: int = LARGEST_LOG_BYTES) -> list[Path]:
    """Copy large logs to ``NAME.log.1``, empty them, and return their paths.

    The writers continue in the same file at its new end, since all of them append. A line that is written between the
    copy and the truncation is lost.
    """
    large = [log for log in folder.glob("*.log") if _size(log) > largest_bytes]
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
    """Reader of the text that is added to a log from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = _size(path)

    def read_new(self) -> str:
        """Return the text added since the last call; the whole text if the log was rotated."""
        size = _size(self._path)
        if size < self._offset:
            self._offset = 0
        if size == self._offset:
            return ""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            added = file.read()
        self._offset += len(added)
        return added.decode("utf-8", "replace")


def names_in(folder: Path) -> Iterable[str]:
    """Return the names of the parts that have a log."""
    return sorted(log.stem for log in folder.glob("*.log"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
