"""Packages of npm's registry: fetched once, checked against their digest, and kept in .bucketlens/."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.environments import ENVIRONMENTS, Impossible

FETCHING_S = 240


@dataclass(frozen=True, slots=True)
class Package:
    """One version of a package, named by its digest as a lock file names it."""

    name: str
    version: str
    integrity: str
    """``sha512-`` and base64 (https://www.w3.org/TR/SRI/), as ``npm view NAME@VERSION dist.integrity`` prints it."""


def unpacked(
    package: Package, prepare: Callable[[Path], None] = lambda folder: None, folder: Path = ENVIRONMENTS
) -> Path:
    """Return the folder of a package; fetch the package if it is missing or incomplete.

    Of several runs in parallel one fetches it, and the others wait. No script of the package is run.

    Args:
        package: what to fetch.
        prepare: called once with the folder, after unpacking.
        folder: where it is kept.

    Raises:
        Impossible: npm or the network is missing.
        ValueError: what came is not what was pinned.
    """
    mark = hashlib.sha256(package.integrity.encode()).hexdigest()[:12]
    made = folder / f"{package.name.removeprefix('@').replace('/', '-')}-{package.version}-{mark}"
    finished = made / "finished"
    folder.mkdir(parents=True, exist_ok=True)
    with made.with_name(f"{made.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel gives it back if we are killed
        if not finished.exists():
            shutil.rmtree(made, ignore_errors=True)
            _fetch(package, made)
            prepare(made / "package")
            finished.touch()
    return made / "package"


def _fetch(package: Package, made: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive = _packed(package, Path(folder))
        digest = b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if f"sha512-{digest}" != package.integrity:
            raise ValueError(f"{package.name} {package.version} has the digest sha512-{digest}, not the one pinned.")
        with tarfile.open(archive) as members:
            members.extractall(made, filter="data")


def _packed(package: Package, folder: Path) -> Path:
    npm, what = shutil.which("npm"), f"{package.name} {package.version}"
    if not npm:
        raise Impossible(f"{what} comes by npm, which is not on PATH; install Node.js")
    command = (npm, "pack", "--silent", "--prefer-offline", f"{package.name}@{package.version}")
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FETCHING_S
        )
    except subprocess.TimeoutExpired as error:
        raise Impossible(f"{what} was not fetched within {FETCHING_S} s; with a faster network, try again") from error
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        raise Impossible(f"{what} could not be fetched by npm ({done.stderr.strip()[-300:]}); try again with a network")
    return archives[0]
