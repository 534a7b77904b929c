"""Copy the project, to mutate files in the copy: the project itself is never touched."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from tests.mutation.chapters import ROOT

LEFT_OUT = (".git", ".venv", ".bucketlens", ".terraform", "node_modules", "*.egg-info", ".*_cache", ".hypothesis")


def copied(folder: Path) -> Path:
    """Copy the project into a folder, which is made again; return it."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_OUT, "__pycache__"), symlinks=True)
    return folder


def digest(text: str | Iterable[str]) -> str:
    """Return a digest of a text, or of several."""
    parts = [text] if isinstance(text, str) else list(text)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
