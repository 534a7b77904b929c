"""The chapters whose code is mutated, and which files each has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOAL = 0.85
"""The part of its mutants that the tests of each chapter should notice."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter's name and its files."""

    name: str
    patterns: tuple[str, ...]
    """Globs, from the root of the project."""
    without: tuple[str, ...] = ()
    """Files that the patterns match and that are not mutated."""

    def files(self, root: Path = ROOT) -> list[str]:
        """Return its files, from the root of the project, in order."""
        found = {path.relative_to(root).as_posix() for pattern in self.patterns for path in root.glob(pattern)}
        return sorted(found - set(self.without))


CHAPTERS = (
    Chapter("pipeline", ("shared/pipeline/*.py",)),
    Chapter("images", ("shared/images/**/*.py",)),
    Chapter("inference", ("shared/inference/*.py",)),
    Chapter("bundles", ("shared/bundles/*.py",)),
    Chapter("http", ("shared/http/*.py", "shared/http/protocols/*.py"), without=("shared/http/gunicorn_worker.py",)),
    Chapter("release", ("shared/release/*.py",)),
    Chapter("views", ("infra/bigquery/views/*.sql",)),
)


def chapter_named(name: str) -> Chapter:
    """Return a chapter.

    Raises:
        SystemExit: there is none of that name.
    """
    for chapter in CHAPTERS:
        if chapter.name == name:
            return chapter
    raise SystemExit(f"No chapter is called {name!r}; there are {', '.join(chapter.name for chapter in CHAPTERS)}.")
