"""Tests that the lock files are complete: they hold the installers, and pins for packages required with extras."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.environments import ROOT
from tests.system.image.locks import locked

WHOLE = ROOT / "requirements.txt"
LOCAL = ROOT / "shared" / "local" / "requirements.txt"
UV = ROOT / "shared" / "local" / "uv.txt"


def test_build_tool_has_the_locked_version() -> None:
    [needed] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    requirement = Requirement(needed)
    assert requirement.name == "setuptools"
    for lock in (LOCAL, WHOLE):
        assert locked(lock)["setuptools"].versions == {specifier.version for specifier in requirement.specifier}


def test_uv_installs_itself_in_the_version_and_by_the_hashes_of_the_whole() -> None:
    assert locked(UV) == {"uv": locked(WHOLE)["uv"]}


def test_main_lock_file_constrains_packages_required_with_extras() -> None:
    """Check the constraints: a pip older than 23.3 looks for the pin of such a package only there."""
    [file] = re.findall(r"^--constraint (\S+)$", WHOLE.read_text("utf-8"), re.MULTILINE)
    constrained = locked(ROOT / file)
    with_extras = {
        canonicalize_name(requirement.name)
        for package in locked(WHOLE)
        for requirement in required(package)
        if requirement.extras
    }
    assert with_extras >= {"google-api-core", "google-auth"}
    assert {name for name in with_extras if constrained.get(name) != locked(WHOLE).get(name)} == set()


LOCKS = [WHOLE, LOCAL, UV, *sorted((ROOT / "functions").glob("requirements*.txt"))]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_lock_file_has_every_requirement_of_its_packages(lock: Path) -> None:
    """Check all requirements: nothing is resolved at installation, so a missing package would fail at its import."""
    names = set(locked(lock))
    needed = {(package, canonicalize_name(requirement.name)) for package in names for requirement in required(package)}
    missing = {f"{package} requires {name}" for package, name in needed if name not in names}
    assert missing == set()


def required(package: str) -> list[Requirement]:
    """Return what an installed package requires on this machine, without its extras."""
    try:
        requirements = [Requirement(line) for line in requires(package) or []]
    except PackageNotFoundError:  # for another machine, or another kind of tests
        return []
    return [
        requirement
        for requirement in requirements
        if not requirement.marker or requirement.marker.evaluate({"extra": ""})
    ]
