"""Models are opened in ``silence()``, so that no library writes into a command's progress bar."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "shared"
OPENERS = {"load_model", "LiteRTModel", "open_classifier"}
"""Each makes LiteRT print a greeting from C++ once in a process."""

FOR_TERMINALS = [
    ROOT / "cli/classify_files.py",
    *(path for name in ("cli", "training", "importing") for path in (ROOT / name).glob("*.py")),
]


def is_silence(node: ast.AST) -> bool:
    return isinstance(node, ast.With) and any(ast.unparse(item.context_expr) == "silence()" for item in node.items)


def loud(node: ast.AST, is_silent: bool = False) -> Iterator[int]:
    """Yield the lines that open a model outside of ``silence()``."""
    is_silent = is_silent or is_silence(node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OPENERS and not is_silent:
        yield node.lineno
    for child in ast.iter_child_nodes(node):
        yield from loud(child, is_silent)


@pytest.mark.parametrize("path", FOR_TERMINALS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_open_models_in_silence(path: Path) -> None:
    assert list(loud(ast.parse(path.read_text("utf-8")))) == []


def test_silence_check_recognises_a_loud_opening() -> None:
    assert list(loud(ast.parse("load_model(bundle)"))) == [1]
    assert list(loud(ast.parse("with silence():\n    load_model(bundle)"))) == []
