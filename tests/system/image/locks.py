"""Read lock files, and test whether an installer that demands hashes finds all it needs in them."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.environments import NO_NETWORK, Impossible
from tests.system.image.programs import program

PLATFORM = "x86_64-manylinux_2_28"
"""Cloud Run has x86-64 (https://cloud.google.com/run/docs/container-contract); a slim image has a newer glibc."""

OWN_LOCK = {
    "serving": "functions/requirements.txt",
    "operations": "functions/requirements-operations.txt",
    "serving-tensorflow": "functions/requirements-tensorflow.txt",
    "training": "functions/requirements-training.txt",
    "local": "shared/local/requirements.txt",
}
"""Lock files by target; each holds that of the target that it builds on."""

BUILDS_ON = {
    "operations": "serving",
    "serving-tensorflow": "serving",
    "training": "serving-tensorflow",
    "local": "serving",
}
"""By target, the target whose packages it has too."""

MARKERS = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "sys_platform": "linux",
}


@dataclass(frozen=True)
class Locked:
    """A package of a lock file."""

    versions: frozenset[str]
    """Versions; more than one where markers distinguish Pythons or machines."""
    hashes: int
    """Number of files that may be installed for it."""


def locks_of(target: str) -> list[str]:
    """Return the lock files that a target installs, in order."""
    before = locks_of(BUILDS_ON[target]) if target in BUILDS_ON else []
    return [*before, OWN_LOCK[target]]


def locked(lock: Path) -> dict[str, Locked]:
    """Return the packages that a lock file pins, by name."""
    packages: dict[str, Locked] = {}
    for block in re.split(r"\n(?=[a-z])", lock.read_text("utf-8")):
        requirement = re.match(r"[a-z].*==[^\\\n]*", block)
        if requirement:
            name, versions = _pinned(requirement[0])
            before = packages.get(name, Locked(frozenset(), 0))
            packages[name] = Locked(before.versions | versions, before.hashes + block.count("--hash=sha256:"))
    return packages


def planned_install(lock: Path, python: str, folder: Path) -> set[str]:
    """Return what an install for the platform would fetch, without fetching it: metadata of packages only.

    Args:
        lock: a lock file with hashes.
        python: the version of the image, such as ``3.13``.
        folder: an empty folder, for an environment that is never made.

    Raises:
        ValueError: a package is missing from the lock, has no hash, or no wheel for the platform.
        Impossible: there is no network, or no uv.
    """
    options = ["--dry-run", "--require-hashes", "--only-binary", ":all:", "--target", str(folder / "none")]
    platform = ["--python-platform", PLATFORM, "--python-version", python]
    done = subprocess.run(
        [program("uv"), "pip", "install", *options, *platform, "--requirements", str(lock)],
        env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"},
        cwd="/",  # in a project, uv would follow that project's settings
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and NO_NETWORK.search(done.stderr):
        raise Impossible(f"{lock.name} could not be looked up; run the tests again with a network")
    if done.returncode:
        raise ValueError(done.stderr)
    return {canonicalize_name(name) for name in re.findall(r"^ \+ ([\w.-]+)==", done.stderr, re.MULTILINE)}


def for_platform(lock: Path, python: str) -> set[str]:
    """Return the names in a lock file whose markers hold on the platform."""
    environment = {**MARKERS, "python_version": python, "python_full_version": f"{python}.0"}
    lines = re.findall(r"^([a-z].*?==.*?)(?: \\)?$", lock.read_text("utf-8"), re.MULTILINE)
    requirements = [Requirement(line) for line in lines]
    return {
        canonicalize_name(requirement.name)
        for requirement in requirements
        if not requirement.marker or requirement.marker.evaluate(environment)
    }


def _pinned(text: str) -> tuple[str, frozenset[str]]:
    requirement = Requirement(text.strip())
    return canonicalize_name(requirement.name), frozenset(specifier.version for specifier in requirement.specifier)
