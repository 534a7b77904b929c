"""Log files of a local cloud's parts: rotate them while they are written, follow them, and read their fields.

The functions write JSON, which people see as text.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from shared.logs import fields_in, readable

LARGEST_LOG_BYTES = 10 * 1024 * 1024
"""Size from which a log is rotated; its lines move to ``NAME.log.1``, which holds one rotation."""

LONGEST_LINE_BYTES = 256 * 1024
"""The limit that Cloud Logging has for an entry; a longer line is left out."""


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
    """Return a log's last lines as text; none if there is no log."""
    if count < 1 or not log.exists():
        return []
    return [readable(line) for line in log.read_text("utf-8", "replace").splitlines()[-count:]]


class Tail:
    """Reader of the lines that are added to a log from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = _size(path)
        self._unfinished = b""

    def read_new(self) -> str:
        """Return the whole lines added since the last call, as text; all lines if the log was rotated."""
        size = _size(self._path)
        if size < self._offset:
            self._offset, self._unfinished = 0, b""
        if size == self._offset:
            return ""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            added = file.read()
        self._offset += len(added)
        *whole, self._unfinished = (self._unfinished + added).split(b"\n")
        return "".join(readable(line.decode("utf-8", "replace")) + "\n" for line in whole)


def fields_of_lines(log: Path) -> Iterator[dict[str, Any]]:
    """Yield the fields of a log's lines, those of its rotation first.

    Lines of other programs, lines that are not whole, and lines above ``LONGEST_LINE_BYTES`` are left out.
    """
    for path in (log.with_name(f"{log.name}.1"), log):
        try:
            with path.open("rb") as file:
                for line in _lines(file):
                    if fields := fields_in(line):
                        yield fields
        except FileNotFoundError:
            continue


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file that are not too long, without reading more than one into memory."""
    is_rest = False
    while piece := file.readline(LONGEST_LINE_BYTES):
        is_whole = piece.endswith(b"\n") or len(piece) < LONGEST_LINE_BYTES
        if is_whole and not is_rest:
            yield piece
        is_rest = not is_whole


def names_in(folder: Path) -> Iterable[str]:
    """Return the names of the parts that have a log."""
    return sorted(log.stem for log in folder.glob("*.log"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
