"""The lock files are whole: they hold the tools that install, and pins for whatever is asked for with extras."""

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
        assert locked(lock)["setuptools"].versions == {one.version for one in requirement.specifier}


def test_uv_installs_itself_in_the_version_and_by_the_hashes_of_the_whole() -> None:
    assert locked(UV) == {"uv": locked(WHOLE)["uv"]}


def test_main_lock_file_constrains_packages_required_with_extras() -> None:
    """A pip that resolves looks for the pin of such a package in the constraints only, if it is older than 23.3."""
    [file] = re.findall(r"^--constraint (\S+)$", WHOLE.read_text("utf-8"), re.MULTILINE)
    constrained = locked(ROOT / file)
    asked = {canonicalize_name(one.name) for package in locked(WHOLE) for one in required(package) if one.extras}
    assert asked >= {"google-api-core", "google-auth"}
    assert {name for name in asked if constrained.get(name) != locked(WHOLE).get(name)} == set()


LOCKS = [WHOLE, LOCAL, UV, *sorted((ROOT / "functions").glob("requirements*.txt"))]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_lock_file_has_every_requirement_of_its_packages(lock: Path) -> None:
    """Nothing is resolved when it is installed, so what is missing would be missed at the first import."""
    names = set(locked(lock))
    needed = {(package, canonicalize_name(one.name)) for package in names for one in required(package)}
    missing = {f"{package} requires {name}" for package, name in needed if name not in names}
    assert missing == set()


def required(package: str) -> list[Requirement]:
    """Return what an installed package requires on this machine, without its extras."""
    try:
        found = [Requirement(line) for line in requires(package) or []]
    except PackageNotFoundError:  # for another machine, or another kind of tests
        return []
    return [one for one in found if not one.marker or one.marker.evaluate({"extra": ""})]
