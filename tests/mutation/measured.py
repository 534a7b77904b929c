"""What the tests of the first tier run, by test file: measured again where the file, or what it runs, changed."""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tests.mutation.choice import Coverage, imported_files
from tests.mutation.structure import digest_of
from tests.mutation.tree import digest

Entry = Mapping[str, Any]
"""Of a test file: its ``digest``; the ``seconds`` of each of its tests; which ``failed``; by path and number of a
statement of the code, ``statements``, the numbers of its tests that ran it; and ``sources``, the ``structure_of`` that
code."""


def is_test_file(path: str) -> bool:
    """Whether a file holds tests: it is run, and no code that is run."""
    return path.rpartition("/")[2].startswith("test_")


def structure_of(source: str) -> str:
    """Return a digest of what code does: its names and sentences may change without it."""
    return digest_of(ast.parse(source))


class Measured:
    """What is known, in a file of JSON.

    Args:
        file: need not be there.
        root: the project.
    """

    def __init__(self, file: Path, root: Path) -> None:
        self._file, self._root = file, root
        self._entries: dict[str, Entry] = json.loads(file.read_text("utf-8")) if file.exists() else {}

    def stale(self, near: Collection[str] | None = None) -> list[str]:
        """Return the test files that are to be run: new ones, and those that changed or whose code changed.

        Args:
            near: look at these only.
        """
        digests: dict[str, str] = {}

        def now(path: str) -> str:
            if path not in digests:
                file = self._root / path
                read = digest if is_test_file(path) else structure_of
                digests[path] = read(file.read_text("utf-8")) if file.exists() else ""
            return digests[path]

        def is_known(path: str) -> bool:
            entry = self._entries.get(path)
            return entry is not None and all(
                now(file) == known for file, known in {path: entry["digest"], **entry["sources"]}.items()
            )

        return [path for path in self._test_files() if (near is None or path in near) and not is_known(path)]

    def add(self, entries: Mapping[str, Entry]) -> None:
        """Take over what was measured, forget test files that are gone, and write the file."""
        there = set(self._test_files())
        self._entries = {path: entry for path, entry in {**self._entries, **entries}.items() if path in there}
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(self._entries), "utf-8")
        part.replace(self._file)

    def coverage(self, near: Collection[str] | None = None) -> Coverage:
        """Return all of it, or of some test files."""
        ran: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        seconds: dict[str, float] = {}
        importers: dict[str, set[str]] = defaultdict(set)
        unfit: set[str] = set()
        for file, entry in self._entries.items():
            if near is not None and file not in near:
                continue
            tests = list(entry["seconds"])
            seconds |= entry["seconds"]
            unfit |= set(entry["failed"])
            for path in imported_files((self._root / file).read_text("utf-8")):
                importers[path].update(tests)
            for path, by_statement in entry["statements"].items():
                for statement, numbers in by_statement.items():
                    ran[path][int(statement)].update(tests[number] for number in numbers)
        frozen = {path: {one: frozenset(tests) for one, tests in found.items()} for path, found in ran.items()}
        by_import = {path: frozenset(tests) for path, tests in importers.items()}
        return Coverage(frozen, seconds, by_import, frozenset(unfit))

    def _test_files(self) -> list[str]:
        return sorted(path.relative_to(self._root).as_posix() for path in self._root.glob("tests/**/test_*.py"))
