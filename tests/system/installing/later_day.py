"""A package index as it may be on a later day, and the project's lock files cut down to its packages."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.environments import ROOT
from tests.system.installing.index import index
from tests.system.installing.wheels import metadata, packed, sha256, stand_in

STAND_INS = (
    *("click", "google-api-core", "google-auth", "google-cloud-bigquery", "googleapis-common-protos"),
    *("grpc-google-iam-v1", "keras", "matplotlib", "pytest", "tensorflow-cpu"),
)
"""Packages that an installer sees: some ask for extras of others, and every lock file has some of its own. What they
require of each other is what the real ones require."""

LOCAL = "shared/local/requirements.txt"
NOT_LOCKED = {"pip", "bucketlens"}

OF_THE_PROJECT = (
    *("Makefile", "pyproject.toml", "README.md", "LICENSE", "shared/__init__.py", "shared/local/__init__.py"),
    *("shared/local/install.sh", "infra/pipeline/tools.sh", "infra/pipeline/test.sh", "functions/Dockerfile"),
)
"""Files that installing reads, in addition to the lock files."""


@dataclass
class LaterDay:
    """The index, and stand-ins for the lock files."""

    address: str
    wheels: Path
    locks: dict[str, str]
    """Text of each lock file, by path in the project."""
    pins: dict[str, list[Requirement]] = field(default_factory=dict)

    def expected(self, *locks: str) -> dict[str, str]:
        """Return the versions that lock files name for this machine, by package."""
        requirements = [
            requirement
            for lock in locks
            for requirement in self.pins[lock]
            if not requirement.marker or requirement.marker.evaluate()
        ]
        return {
            canonicalize_name(requirement.name): next(iter(requirement.specifier)).version
            for requirement in requirements
        }

    def project(self, folder: Path) -> Path:
        """Copy what installing reads into a folder, with the stand-ins' lock files; return the folder."""
        for name in OF_THE_PROJECT:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
        for name, text in self.locks.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        return folder

    def variables(self, python: Path, home: Path, *, uv: bool = False) -> dict[str, str]:
        """Return the environment of a command: this index, a Python, and no setting of the user's.

        Args:
            python: the interpreter that ``python`` and ``python3`` name.
            home: an empty folder, also for caches.
            uv: whether uv uses the index too; otherwise it would use the public index, so pip has to install.
        """
        return {
            "PATH": f"{python.parent}{os.pathsep}{os.defpath}",
            "HOME": str(home),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": self.address,
            "PIP_RETRIES": "0",
            "UV_CACHE_DIR": str(home / "uv"),
            "UV_NO_CONFIG": "1",
            **({"UV_DEFAULT_INDEX": self.address} if uv else {}),
        }


@contextmanager
def later_day(folder: Path, *, uv: bool = False) -> Iterator[LaterDay]:
    """Serve the locked versions and, for every stand-in, a newer version that cannot be installed.

    Args:
        folder: an empty folder, for the wheels.
        uv: whether uv, which is a large file, can run, or is a stand-in too.
    """
    real = ("setuptools", "uv") if uv else ("setuptools",)
    locks = [ROOT / "requirements.txt", *sorted((ROOT / "functions").glob("requirements*.txt"))]
    locks += [*sorted((ROOT / "shared" / "local").glob("*.txt")), ROOT / "tests" / "requirements.txt"]
    kept = {lock.relative_to(ROOT).as_posix(): _kept(lock.read_text("utf-8")) for lock in locks}
    versions = {name: version for lines in kept.values() for name, version, _ in lines if name}
    wheels = {name: packed(folder, name) for name in real}
    for name, version in versions.items():
        if name not in real:
            requires, extras = metadata(name, STAND_INS)
            wheels[name] = stand_in(folder, name, version, requires=requires, extras=extras)
            stand_in(folder, name, newer(version), requires=[f"{name}-as-nobody-wrote-it==1"], extras=extras)
    texts = {lock: "".join(_line(*line, wheels) for line in lines) for lock, lines in kept.items()}
    pins = {lock: [Requirement(line) for name, _, line in lines if name] for lock, lines in kept.items()}
    with index(folder) as address:
        yield LaterDay(address, folder, texts, pins)


def newer(version: str) -> str:
    """Return a later version that the same upper bounds allow.

    >>> newer("2.62.2")
    '2.1062.2'
    """
    first, second, *rest = version.split(".")
    return ".".join([first, str(int(second) + 1000), *rest])


def installed(environment: Path) -> dict[str, str]:
    """Return the versions of the packages of an environment, without those that make an environment."""
    folders = environment.glob("lib/python3*/site-packages/*.dist-info")
    pairs = dict(folder.name.removesuffix(".dist-info").split("-", 1) for folder in folders)
    return {canonicalize_name(name): version for name, version in pairs.items() if name not in NOT_LOCKED}


def _kept(lock: str) -> list[tuple[str, str, str]]:
    """Return name, version and requirement of each line that is kept; an option has no name."""
    kept: list[tuple[str, str, str]] = []
    for line in re.findall(r"^(?:[a-z][^\\\n]*|--(?!hash)[^\n]*)", lock, re.MULTILINE):
        pinned = re.match(r"([a-z][\w.-]*)==(\S+)", line)
        if not pinned:
            kept.append(("", "", line))
        elif pinned[1] in {*STAND_INS, "setuptools", "uv"}:
            kept.append((pinned[1], pinned[2], line.strip()))
    return kept


def _line(name: str, version: str, line: str, wheels: dict[str, Path]) -> str:
    return f"{line} --hash=sha256:{sha256(wheels[name])}\n" if name else f"{line}\n"
