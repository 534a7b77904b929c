"""The chapters whose code is mutated, and the files of each."""

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
    tests: tuple[str, ...] = ()
    """Globs of the test files that are about it, from the root of the project; others may run its code as well."""

    def near_tests(self, root: Path = ROOT) -> list[str]:
        """Return the test files that are about it, and those about several chapters."""
        patterns = (*self.tests, "tests/test_*.py")
        return sorted({path.relative_to(root).as_posix() for pattern in patterns for path in root.glob(pattern)})

    def files(self, root: Path = ROOT) -> list[str]:
        """Return its files, from the root of the project, in order."""
        files = {path.relative_to(root).as_posix() for pattern in self.patterns for path in root.glob(pattern)}
        return sorted(files - set(self.without))


def _of(name: str) -> Chapter:
    return Chapter(name, (f"shared/{name}/**/*.py",), tests=(f"tests/{name}/**/test_*.py",))


CHAPTERS = (
    _of("pipeline"),
    _of("images"),
    _of("inference"),
    _of("bundles"),
    Chapter(
        "http",
        ("shared/http/*.py", "shared/http/protocols/*.py"),
        without=("shared/http/gunicorn_worker.py",),
        tests=("tests/http/**/test_*.py",),
    ),
    _of("release"),
    Chapter("views", ("infra/bigquery/views/*.sql",), tests=("tests/**/test_view*.py",)),
)
"""In ``http`` without the page and the worker of gunicorn, which only a browser and a server can test."""


def chapter_named(name: str) -> Chapter:
    """Return a chapter.

    Raises:
        SystemExit: none has that name.
    """
    for chapter in CHAPTERS:
        if chapter.name == name:
            return chapter
    raise SystemExit(
        f"No chapter is called {name!r}, expected one of {', '.join(chapter.name for chapter in CHAPTERS)}."
    )
