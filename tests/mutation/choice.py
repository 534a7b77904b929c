"""Which tests are run on a mutant: those that ran its line, by coverage's contexts, the quickest first."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

VIEW_READER = "tests/memory/warehouse.py"
"""Whatever runs a line of it asks the views."""

APART = "shared/images/decode_apart.py"
"""Whatever runs a line of it decodes in a process of its own, where coverage does not look."""

DECODERS = "shared/images/"
"""What may run there."""


@dataclass(frozen=True)
class Coverage:
    """What the tests of the first tier ran."""

    lines: Mapping[str, Mapping[int, frozenset[str]]]
    """By file and line, the tests that ran it."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """How long each test took."""
    unfit: frozenset[str] = frozenset()
    """Tests that fail without any mutant, and are not run."""

    def of_file(self, path: str) -> frozenset[str]:
        """Return the tests that ran any line of a function of a file."""
        return frozenset[str]().union(*self.lines.get(path, {}).values())

    def chosen(self, path: str, source: str, line: int) -> list[str]:
        """Return the tests to run on a mutant of a line, the quickest first; none if no test runs it."""
        if path.endswith(".sql"):
            of_views = {test for test in self.seconds if "/test_view" in test.partition("::")[0]}
            return [*self._in_order(of_views), *self._in_order(self.of_file(VIEW_READER) - of_views)]
        lines = statement_of(source, line)
        if lines is None:
            found = self.of_file(path)
        else:
            found = frozenset[str]().union(*(self.lines.get(path, {}).get(one, frozenset()) for one in lines))
        if not found and path.startswith(DECODERS):
            found = self.of_file(APART)
        return self._in_order(found)

    def _in_order(self, tests: Iterable[str]) -> list[str]:
        return sorted(set(tests) - self.unfit, key=lambda test: (self.seconds.get(test, 0.0), test))


def statement_of(source: str, line: int) -> range | None:
    """Return the lines of the smallest statement around a line; None if it runs when the module is imported.

    Of a statement with a body, these are the lines above the body.
    """
    around = [found for found in _statements(ast.parse(source), False) if line in found[0]]
    if not around:
        return None
    lines, is_in_function = min(around, key=lambda found: len(found[0]))
    return lines if is_in_function else None


def _statements(node: ast.AST, is_in_function: bool) -> Iterator[tuple[range, bool]]:
    """Yield the lines of each statement in a node, and whether it is in a function."""
    if isinstance(node, ast.stmt | ast.ExceptHandler):
        body = getattr(node, "body", None)
        last = body[0].lineno - 1 if isinstance(body, list) else node.end_lineno or node.lineno
        yield range(node.lineno, max(last, node.lineno) + 1), is_in_function
    is_in_function |= isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for child in ast.iter_child_nodes(node):
        yield from _statements(child, is_in_function)
