"""Which versions of the libraries made a bundle, as its lineage says."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib import metadata


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python and of those packages that are installed.

    Args:
        names: of packages; of some there is one on this platform and another on that.
    """
    versions = {"python": platform.python_version()}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
