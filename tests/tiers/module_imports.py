"""Find the modules that are loaded with a file, from its source: TensorFlow takes seconds, or is not installed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("h5py", "keras", "matplotlib", "tensorflow")


@cache
def loads_tensorflow(path: Path) -> bool:
    """Return whether importing a file imports TensorFlow or its packages, directly or by the project's files."""
    waiting, seen = [path], set[Path]()
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for name in _imported_with(file):
            if name.partition(".")[0] in HEAVY:
                return True
            waiting += _files_of(name)
    return False


@cache
def _imported_with(file: Path) -> tuple[str, ...]:
    """Return what a file imports when it is imported: not what its functions import when they are called."""
    return tuple(_imports_in(ast.parse(file.read_text("utf-8")).body))


def _imports_in(body: Iterable[ast.stmt]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module)):
                yield module
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case ast.If() if "TYPE_CHECKING" not in ast.unparse(node.test):
                yield from _imports_in([*node.body, *node.orelse])
            case ast.Try():
                yield from _imports_in([*node.body, *node.orelse, *node.finalbody])
            case ast.Expr(value=call) | ast.Assign(value=call) if "importorskip" in ast.unparse(call):
                constants = (part.value for part in ast.walk(call) if isinstance(part, ast.Constant))
                yield from (value for value in constants if isinstance(value, str))


@cache
def _files_of(module: str) -> tuple[Path, ...]:
    path = ROOT.joinpath(*module.split("."))
    return tuple(file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file())
