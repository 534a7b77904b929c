"""Where the command line keeps what is its user's: the local cloud's data, and model bundles of their own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

HIDDEN = Path(".bucketlens")
"""What a cloud's folder was called before there was one for each user; such a folder goes on being used."""

CLOUD_FILE = "cloud.json"
"""By which a folder is known to hold a local cloud."""


def data_folder(environment: Mapping[str, str]) -> Path:
    """Return ``BUCKETLENS_FOLDER``, or else a folder of the user's, the same wherever they stand.

    It need not be there yet.

    https://specifications.freedesktop.org/basedir/ on Linux; elsewhere where the platform keeps such data. For a user
    without a home, as in some containers, it is ``.bucketlens`` where they stand.
    """
    if given := environment.get("BUCKETLENS_FOLDER"):
        return Path(given)
    try:
        return _place(environment) / "bucketlens"
    except RuntimeError:  # what pathlib raises where nobody knows the home
        return HIDDEN


def hidden_folder(here: Path) -> Path | None:
    """Return the nearest ``.bucketlens`` that holds a local cloud, in a folder or above it; None if there is none."""
    return next(
        (place / HIDDEN for place in (here, *here.parents) if (place / HIDDEN / CLOUD_FILE).is_file()),
        None,
    )


def _place(environment: Mapping[str, str]) -> Path:
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
