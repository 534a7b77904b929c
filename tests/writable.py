"""Make copies that can be changed, also of a read-only checkout."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any


def copy_tree(source: Path, target: Path, ignore: Callable[[Any, list[str]], set[str]] | None = None) -> Path:
    """Copy a folder, and let its owner write all of it; return the copy."""
    shutil.copytree(source, target, ignore=ignore)
    for path in (target, *target.rglob("*")):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    return target


def copy_file(source: Path, target: Path) -> Path:
    """Copy a file to a path or into a folder, and let its owner write it; return the copy."""
    copy = Path(shutil.copy2(source, target))
    copy.chmod(copy.stat().st_mode | stat.S_IWUSR)
    return copy
