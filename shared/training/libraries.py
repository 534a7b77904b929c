"""The versions of the libraries that made a bundle, for its lineage."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib import metadata


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python and of those packages that are installed.

    Args:
        names: the packages; some of them exist on some platforms only.
    """
    versions = {"python": platform.python_version()}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
