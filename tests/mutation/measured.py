"""What the tests of the first tier run, by test file: measured again where the file, or what it runs, changed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tests.mutation.choice import Coverage
from tests.mutation.tree import digest

Entry = Mapping[str, Any]
"""Of a test file: its ``digest``; the ``seconds`` of each of its tests; which ``failed``; by path and line of the code,
``lines``, the numbers of its tests that ran it; and ``sources``, the digests of that code."""


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
                digests[path] = digest(file.read_text("utf-8")) if file.exists() else ""
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
        lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        seconds: dict[str, float] = {}
        unfit: set[str] = set()
        for file, entry in self._entries.items():
            if near is not None and file not in near:
                continue
            tests = list(entry["seconds"])
            seconds |= entry["seconds"]
            unfit |= set(entry["failed"])
            for path, by_line in entry["lines"].items():
                for line, numbers in by_line.items():
                    lines[path][int(line)].update(tests[number] for number in numbers)
        frozen = {path: {line: frozenset(tests) for line, tests in found.items()} for path, found in lines.items()}
        return Coverage(frozen, seconds, frozenset(unfit))

    def _test_files(self) -> list[str]:
        return sorted(path.relative_to(self._root).as_posix() for path in self._root.glob("tests/**/test_*.py"))
