"""What a statement makes a fresh process load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
OF_THE_EDGES = ("google", "duckdb", "tensorflow", "keras", "ai_edge_litert", "sklearn", "sqlglot", "aiohttp", "grpc")


def is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def loaded_by(statement: str, packages: tuple[str, ...]) -> list[str]:
    """Return the modules of some packages that a fresh process has loaded after a statement."""
    # Empty packages of google's are made by .pth files at every start of Python.
    script = f"import sys; before = set(sys.modules); {statement}; print(*sorted(sys.modules.keys() - before))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return [module for module in done.stdout.split() if is_in(module, packages)]
