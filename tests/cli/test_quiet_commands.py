"""No library writes lines of its own through a command's progress bar: what opens a model does so in silence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "shared"
OPENERS = {"load_model", "LiteRTModel", "open_classifier"}
"""Each has LiteRT say once in a process that it is here, from C++."""

FOR_TERMINALS = [
    ROOT / "cli/classify_files.py",
    *(path for name in ("cli", "training", "importing") for path in (ROOT / name).glob("*.py")),
]


def is_silence(node: ast.AST) -> bool:
    return isinstance(node, ast.With) and any(ast.unparse(item.context_expr) == "silence()" for item in node.items)


def loud(node: ast.AST, is_silent: bool = False) -> Iterator[int]:
    """Yield the lines that open a model where it would be heard."""
    is_silent = is_silent or is_silence(node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OPENERS and not is_silent:
        yield node.lineno
    for inside in ast.iter_child_nodes(node):
        yield from loud(inside, is_silent)


@pytest.mark.parametrize("path", FOR_TERMINALS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_models_are_opened_in_silence_where_a_terminal_listens(path: Path) -> None:
    assert list(loud(ast.parse(path.read_text("utf-8")))) == []


def test_a_loud_opening_is_recognised() -> None:
    assert list(loud(ast.parse("load_model(bundle)"))) == [1]
    assert list(loud(ast.parse("with silence():\n    load_model(bundle)"))) == []
