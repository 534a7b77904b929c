"""Find what a statement makes a fresh process load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for folder in ("shared", "functions") for path in (ROOT / folder).rglob("*.py"))

OF_THE_EDGES = ("google", "duckdb", "tensorflow", "keras", "ai_edge_litert", "sklearn", "sqlglot", "aiohttp", "grpc")


def is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def loaded_by(statement: str, packages: tuple[str, ...]) -> list[str]:
    """Return the modules of some packages that a fresh process has loaded after a statement."""
    # Empty packages of google's are made by .pth files at every start of Python.
    script = f"import sys; before = set(sys.modules); {statement}; print(*sorted(sys.modules.keys() - before))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return [module for module in done.stdout.split() if is_in(module, packages)]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, also inside functions and for type checkers only."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively; write the whole name"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
