"""Print the project's files in an image, by chapter: ``python -m tests.system.image.listing [TARGET]``.

Nothing is built: the Dockerfile's COPY lines are read against .dockerignore.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path, PurePosixPath

from tests.system.image.context import build_context
from tests.system.image.dockerfile import parse
from tests.system.image.engine import ROOT
from tests.system.image.stages import copied_files


def listed(target: str) -> dict[str, list[str]]:
    """Return the files of a target by their folder, each folder's in order."""
    dockerfile = parse((ROOT / "functions" / "Dockerfile").read_text("utf-8"))
    chapters: dict[str, list[str]] = defaultdict(list)
    for file in sorted(copied_files(dockerfile, target, build_context(ROOT))):
        chapters[str(PurePosixPath(file).parent)].append(file)
    return chapters


def main(target: str = "serving") -> None:
    """Print each folder with its files, and how many lines of Python they have."""
    lines_of_all = files_of_all = 0
    for folder, files in listed(target).items():
        lines = sum(len((ROOT / file).read_text("utf-8").splitlines()) for file in files if file.endswith(".py"))
        print(
            f"{folder} ({len(files)} files, {lines:,} lines of Python): {' '.join(Path(file).name for file in files)}"
        )
        lines_of_all, files_of_all = lines_of_all + lines, files_of_all + len(files)
    print(f"{target}: {files_of_all} files, {lines_of_all:,} lines of Python")


if __name__ == "__main__":
    main(*sys.argv[1:])
