"""The folder for a user's data: the local cloud, and the model bundles that the user trained or imported."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

HIDDEN = Path(".bucketlens")
"""The folder of a local cloud in earlier releases, which is still used where it exists."""

CLOUD_FILE = "cloud.json"
"""A folder with this file holds a local cloud."""


def data_folder(environment: Mapping[str, str]) -> Path:
    """Return ``BUCKETLENS_FOLDER``, or else a folder of the user that does not depend on the current folder.

    The folder may not exist yet.

    On Linux it follows https://specifications.freedesktop.org/basedir/; elsewhere it is where the platform keeps such
    data. For a user without a home, as in some containers, it is ``.bucketlens`` in the current folder.
    """
    if configured := environment.get("BUCKETLENS_FOLDER"):
        return Path(configured)
    try:
        return _platform_folder(environment) / "bucketlens"
    except RuntimeError:  # pathlib raises it where the user has no home
        return HIDDEN


def hidden_folder(current: Path) -> Path | None:
    """Return the nearest ``.bucketlens`` with a local cloud, in a folder or above it; None if there is none."""
    return next(
        (folder / HIDDEN for folder in (current, *current.parents) if (folder / HIDDEN / CLOUD_FILE).is_file()),
        None,
    )


def _platform_folder(environment: Mapping[str, str]) -> Path:
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
