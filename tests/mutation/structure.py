"""Digests of code that stay when only what is written for people changes.

Names, comments, docstrings, annotations, layout, imports and sentences are for people. Renamed or reworded code does
what it did, so what is known of its mutants stays true.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Mapping

from tests.mutation.tree import digest

KINDS = (str, bytes, int, float, list, tuple, dict, set)
KEPT = frozenset(dir(builtins)) | {name for kind in KINDS for name in dir(kind)}
"""Names that mean something: another builtin function, or method of a builtin type, does something else."""

IGNORED = ("annotation", "returns", "ctx", "type_comment", "kind", "type_ignores")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def digest_of(nodes: ast.AST | Iterable[ast.AST], *, sentences: bool = False) -> str:
    """Return a digest of nodes of a syntax tree.

    Args:
        nodes: one, or several in order.
        sentences: whether texts with a blank in them count, as in tests, which compare them.
    """
    names: dict[str, int] = {}
    several = [nodes] if isinstance(nodes, ast.AST) else nodes
    return digest([token for node in several for token in _tokens(node, names, sentences)])


def unit_at(source: ast.Module, line: int) -> ast.stmt:
    """Return the innermost function around a line, with its decorators; outside of functions, the smallest statement.

    Raises:
        ValueError: there is no code on the line.
    """
    around = [node for node in ast.walk(source) if isinstance(node, ast.stmt) and line in _lines(node)]
    if not around:
        raise ValueError(f"there is no code on line {line}")
    functions = [node for node in around if isinstance(node, Function)]
    return min(functions or around, key=lambda node: len(_lines(node)))


def digests_of_tests(source: str) -> Mapping[str, str]:
    """Return a digest of each test of a file, by its name: of its own code, and of what is around the tests."""
    tree = ast.parse(source)
    tests = [node for node in ast.walk(tree) if isinstance(node, Function) and node.name.startswith("test_")]
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef):
            node.body = [one for one in node.body if one not in tests]
    around = digest_of(tree, sentences=True)
    return {node.name: digest([around, digest_of(node, sentences=True)]) for node in tests}


def _lines(node: ast.stmt) -> range:
    decorators = [one.lineno for one in getattr(node, "decorator_list", ())]
    return range(min([node.lineno, *decorators]), (node.end_lineno or node.lineno) + 1)


def _tokens(node: ast.AST, names: dict[str, int], sentences: bool) -> Iterator[str]:
    if is_sentence(node) and not sentences:
        yield "sentence"
        return
    yield type(node).__name__
    for field, value in ast.iter_fields(node):
        if field in IGNORED:
            continue
        yield "("
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, ast.AST):
                if not is_for_people(one):
                    yield from _tokens(one, names, sentences)
            elif isinstance(one, str) and not isinstance(node, ast.Constant):
                yield one if one in KEPT else f"name {names.setdefault(one, len(names))}"
            else:
                yield repr(one)
        yield ")"


def is_sentence(node: ast.AST) -> bool:
    """Whether a node is a text with a blank in it, and what is put into that text."""
    if isinstance(node, ast.JoinedStr):
        return any(is_sentence(part) for part in node.values)
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value


def is_for_people(node: ast.AST) -> bool:
    """Whether a node is a docstring or an import: which modules there are is for people, what is done with them not."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
