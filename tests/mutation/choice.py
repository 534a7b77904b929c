"""Which tests are run on a mutant: those that ran its line, by coverage's contexts, the quickest first."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from tests.mutation.structure import Function, is_for_people, unit_at

VIEW_READER = "tests/memory/warehouse.py"
"""Whatever runs a line of it asks the views."""

APART = "shared/images/decode_in_subprocess.py"
"""Whatever runs a line of it decodes in a process of its own, where coverage does not look."""

AT_IMPORT = -1
"""In place of a statement's number: what ran while a test imported the module."""

DECODERS = "shared/images/"
"""What may run there."""


@dataclass(frozen=True)
class Coverage:
    """What the tests of the first tier ran."""

    statements: Mapping[str, Mapping[int, frozenset[str]]]
    """By file and number of a statement (see ``statement_at``), the tests that ran it."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """How long each test took."""
    importers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By file, the tests of those test files that import it: they may read its constants and run nothing of it."""
    unfit: frozenset[str] = frozenset()
    """Tests that fail without any mutant, and are not run."""

    def of_file(self, path: str) -> frozenset[str]:
        """Return the tests that ran any statement of a function of a file, or imported it."""
        return frozenset[str]().union(*self.statements.get(path, {}).values())

    def chosen(self, path: str, source: str, line: int) -> list[str]:
        """Return the tests to run on a mutant of a line, the quickest first; none if no test runs it."""
        if path.endswith(".sql"):
            of_views = {test for test in self.seconds if "/test_view" in test.partition("::")[0]}
            readers = [*self._in_order(of_views), *self._in_order(self.of_file(VIEW_READER) - of_views)]
            own = f"[{path.rpartition('/')[2].removesuffix('.sql')}"
            return sorted(readers, key=lambda test: own not in test)  # those of the view itself first
        statement = statement_at(source, line)
        found = self.statements.get(path, {}).get(statement, frozenset()) if statement is not None else frozenset()
        if statement is None or (not found and is_called_at_import(source, line)):
            found = self.of_file(path) | self.importers.get(path, frozenset())
        if not found and path.startswith(DECODERS):
            found = self.of_file(APART)
        return self._in_order(found)

    def _in_order(self, tests: Iterable[str]) -> list[str]:
        return sorted(set(tests) - self.unfit, key=lambda test: (self.seconds.get(test, 0.0), test))


def statement_at(source: str, line: int) -> int | None:
    """Return the number of the smallest statement around a line; None if it runs when the module is imported.

    Of a statement with a body, its lines are those above the body. Docstrings and imports have no number, so that it
    stays when they come or go.
    """
    around = [(len(lines), number) for number, (lines, _) in enumerate(_statements(source)) if line in lines]
    if not around:
        return None
    number = min(around)[1]
    return number if _statements(source)[number][1] else None


def imported_files(source: str) -> set[str]:
    """Return the files that a module's imports may mean, as paths from the root of the project."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return {f"{name.replace('.', '/')}.py" for name in names}


def is_called_at_import(source: str, line: int) -> bool:
    """Whether a line is in a function that is used where its module is imported, such as by a decorator."""
    unit = unit_at(ast.parse(source), line)
    return isinstance(unit, Function) and unit.name in _names_outside_functions(ast.parse(source))


def _names_outside_functions(node: ast.AST) -> set[str]:
    if isinstance(node, Function):
        return {name for one in (*node.decorator_list, node.args) for name in _names_outside_functions(one)}
    own = {node.id} if isinstance(node, ast.Name) else set()
    return own.union(*(_names_outside_functions(child) for child in ast.iter_child_nodes(node)))


@lru_cache(maxsize=256)
def _statements(source: str) -> list[tuple[range, bool]]:
    return list(_walk(ast.parse(source), False))


def _walk(node: ast.AST, is_in_function: bool) -> Iterator[tuple[range, bool]]:
    """Yield the lines of each statement in a node, and whether it is in a function."""
    if is_for_people(node):
        return
    if isinstance(node, ast.stmt | ast.ExceptHandler):
        body = getattr(node, "body", None)
        last = body[0].lineno - 1 if isinstance(body, list) else node.end_lineno or node.lineno
        yield range(node.lineno, max(last, node.lineno) + 1), is_in_function
    is_in_function |= isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, is_in_function)
