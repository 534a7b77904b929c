"""Read parts of documents, and load the scripts that write them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def between(text: str, mark: str) -> str:
    """Return the text between ``<!-- mark -->`` and ``<!-- /mark -->``."""
    match = re.search(rf"<!-- {mark} -->\n(.*?)\n?<!-- /{mark} -->", text, re.DOTALL)
    assert match, f"<!-- {mark} --> … <!-- /{mark} --> is missing"
    return match[1]


def writer_of_tables() -> ModuleType:
    return script("write_tables")


def writer_of_cli_page() -> ModuleType:
    return script("write_cli")


def script(name: str) -> ModuleType:
    """Return a script of docs/ as a module, by its path without the ending."""
    spec = importlib.util.spec_from_file_location(name.replace("/", "_"), ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
