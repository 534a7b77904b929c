"""Measure an image's size, and find out whether a file in it has changed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.system.image.engine import Image

Mark = tuple[int, int, int]


def installed_mb(folder: Path) -> float:
    """Return the size of a folder on disk, in units of 10^6 bytes."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*")) / 1e6


def largest_parts(image: Image, count: int = 12) -> list[tuple[str, float]]:
    """Return the largest packages and folders of an image, each with its size in units of 10^6 bytes."""
    sizes: Counter[str] = Counter()
    for path in image.application.rglob("*"):
        parts = path.relative_to(image.application).parts
        depth = parts.index("site-packages") + 2 if "site-packages" in parts and parts[0] == ".venv" else 1
        sizes["/".join(parts[-1:] if depth > len(parts) else parts[depth - 1 : depth])] += path.lstat().st_blocks * 512
    return [(name, size / 1e6) for name, size in sizes.most_common(count)]


def snapshot(image: Image) -> dict[Path, Mark]:
    """Return each file's mode, size and time of change, to be compared later."""
    marks = {}
    for path in image.application.rglob("*"):
        about = path.lstat()
        marks[path] = (about.st_mode, about.st_size, about.st_mtime_ns)
    return marks
