"""What is known of each mutant, in a SQLite file: a run that was interrupted goes on where it was."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutant import Edit, Mutant

SCHEMA = """
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, digest TEXT NOT NULL, size INTEGER, total INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS mutants (
  id TEXT PRIMARY KEY, path TEXT NOT NULL, line INTEGER NOT NULL, place TEXT NOT NULL, operator TEXT NOT NULL,
  before TEXT NOT NULL, after TEXT NOT NULL,
  edit_start INTEGER NOT NULL, edit_end INTEGER NOT NULL, edit_text TEXT NOT NULL,
  unit TEXT NOT NULL, nth INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS results (
  id TEXT PRIMARY KEY REFERENCES mutants (id) ON DELETE CASCADE,
  outcome TEXT NOT NULL, noticed_by TEXT NOT NULL, seconds REAL NOT NULL, tests TEXT NOT NULL
);
"""

MAY_CHANGE = ("line", "place", "before", "after", "edit_start", "edit_end", "edit_text")
"""What changes where code is renamed, moved or reworded: it is the same mutant."""

NOTICED = ("noticed", "timeout")
UNTESTED = "untested"
"""No test runs its line: it survives without being tried."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a mutant."""

    mutant: Mutant
    outcome: str
    """``noticed``, ``timeout``, ``survived`` or ``untested``."""
    noticed_by: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mutant that is to be tested."""

    mutant: Mutant
    tests: tuple[str, ...]
    """Those that were not run on it yet."""


class Session:
    """The mutants of all files, and what became of them. Each change is on disk when its call returns.

    Args:
        file: made if it is not there.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def is_made(self, path: str, digest: str, size: int | None) -> bool:
        """Whether the mutants of a file with this content are here: as many, at least, as are wanted."""
        row = self._db.execute("SELECT digest, size, total FROM files WHERE path = ?", (path,)).fetchone()
        if not row or row[0] != digest:
            return False
        return row[1] is None or (size is not None and row[1] >= min(size, row[2]))

    def size(self, path: str, size: int | None) -> int | None:
        """Return how many mutants of a file to make: no fewer than were made before."""
        row = self._db.execute("SELECT size FROM files WHERE path = ?", (path,)).fetchone()
        return size if row is None or size is None else None if row[0] is None else max(size, row[0])

    def make(self, path: str, digest: str, size: int | None, mutants: Iterable[Mutant], total: int) -> None:
        """Take over the mutants of a file. What is known of those that were here already stays."""
        with self._db:
            self._db.execute("BEGIN")
            size = None if size is None else min(size, total)
            self._db.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", (path, digest, size, total))
            made = list(mutants)
            marks = ",".join("?" * len(made))
            self._db.execute(
                f"DELETE FROM mutants WHERE path = ? AND id NOT IN ({marks})", (path, *(one.id for one in made))
            )
            changed = ", ".join(f"{name} = excluded.{name}" for name in MAY_CHANGE)
            self._db.executemany(
                f"INSERT INTO mutants VALUES ({','.join('?' * 12)}) ON CONFLICT (id) DO UPDATE SET {changed}",
                map(_row, made),
            )

    def waiting(self, paths: Iterable[str], tests_of: Callable[[Mutant], Mapping[str, str]]) -> list[Waiting]:
        """Return the mutants of files that are to be tested, in order.

        Those are the ones of which nothing is known, and those that were noticed by no test and have new ones.

        Args:
            paths: the files.
            tests_of: gives the tests that are run on a mutant, in order, and a digest of each.
        """
        found: list[Waiting] = []
        for path in paths:
            rows = self._db.execute(
                "SELECT mutants.*, outcome, tests FROM mutants LEFT JOIN results USING (id) WHERE path = ? "
                "ORDER BY line, edit_start, id",
                (path,),
            )
            for *row, outcome, tests in rows:
                if outcome in NOTICED:
                    continue
                mutant = _mutant(tuple(row))
                tried = set(json.loads(tests)) if outcome else set[str]()
                untried = tuple(test for test, digest in tests_of(mutant).items() if digest not in tried)
                if outcome is None or untried:
                    found.append(Waiting(mutant, untried))
        return found

    def save(self, mutant: Mutant, outcome: str, noticed_by: str, seconds: float, tests: Iterable[str]) -> None:
        """Write down what became of a mutant, and the digests of all tests that were run on it."""
        row = (mutant.id, outcome, noticed_by, seconds, json.dumps(sorted(tests)))
        self._db.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?)", row)

    def results(self, paths: Iterable[str]) -> list[Result]:
        """Return what is known of the mutants of files, in order."""
        found: list[Result] = []
        for path in paths:
            rows = self._db.execute(
                "SELECT mutants.*, outcome, noticed_by FROM mutants JOIN results USING (id) WHERE path = ? "
                "ORDER BY line, edit_start, id",
                (path,),
            )
            found += [Result(_mutant(row[:-2]), row[-2], row[-1]) for row in rows]
        return found

    def totals(self, paths: Iterable[str]) -> int:
        """Return how many mutants files have, those that were not chosen included."""
        counts = [self._db.execute("SELECT total FROM files WHERE path = ?", (path,)).fetchone() for path in paths]
        return sum(row[0] for row in counts if row)

    def forget(self, paths: Iterable[str]) -> None:
        """Forget what became of the mutants of files."""
        for path in paths:
            self._db.execute("DELETE FROM results WHERE id IN (SELECT id FROM mutants WHERE path = ?)", (path,))


def _row(mutant: Mutant) -> tuple[object, ...]:
    edit = mutant.edit
    place = (mutant.path, mutant.line, mutant.place, mutant.operator, mutant.before, mutant.after)
    return (mutant.id, *place, edit.start, edit.end, edit.text, mutant.unit, mutant.nth)


def _mutant(row: tuple[object, ...]) -> Mutant:
    _, path, line, place, operator, before, after, start, end, text, unit, nth = row
    edit = Edit(start, end, text)  # type: ignore[arg-type]
    return Mutant(path, line, place, operator, before, after, edit, unit, nth)  # type: ignore[arg-type]
