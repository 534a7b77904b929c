"""The files that leave the machine: the build context by .dockerignore, and what gcloud uploads of it."""

from __future__ import annotations

import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

from docker.utils.build import exclude_paths


def build_context(root: Path) -> list[str]:
    """Return the files that COPY finds, by the rules of a builder without BuildKit, which finds the fewest."""
    lines = [line.strip() for line in (root / ".dockerignore").read_text("utf-8").splitlines()]
    paths = exclude_paths(str(root), [line for line in lines if line and not line.startswith("#")])
    return sorted(path for path in paths if path != ".dockerignore" and (root / path).is_file())


def cloud_upload(root: Path, scratch: Path) -> list[str]:
    """Return the files that ``gcloud builds submit`` uploads, by git's reading of ``.gcloudignore``.

    The two read such a file alike (https://cloud.google.com/sdk/gcloud/reference/topic/gcloudignore).

    Args:
        root: the folder that is submitted.
        scratch: an empty folder.
    """
    git = ("git", f"--git-dir={scratch}", f"--work-tree={root}")
    subprocess.run(["git", "init", "--quiet", "--bare", str(scratch)], check=True)
    listing = ("ls-files", "-z", "--others", f"--exclude-from={root / '.gcloudignore'}")
    done = subprocess.run([*git, *listing], cwd=root, capture_output=True, check=True)
    return sorted(name for name in done.stdout.decode().split("\0") if name)


def matching(files: list[str], source: str) -> dict[str, str]:
    """Return the files of a context that a COPY's source matches, each with its name below the destination.

    A folder's content is copied and not the folder; ``*`` does not match a slash.
    """
    source = source.strip("/")
    inside = {file: file.removeprefix(f"{source}/") for file in files if file.startswith(f"{source}/")}
    if inside:
        return inside
    parts = source.split("/")
    return {
        file: file.rsplit("/", 1)[-1]
        for file in files
        if len(file.split("/")) == len(parts)
        and all(fnmatchcase(name, pattern) for name, pattern in zip(file.split("/"), parts, strict=True))
    }
