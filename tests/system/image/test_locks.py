"""Tests of the images' lock files: hashes for all, the versions of the main lock, and no package missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.environments import Impossible
from tests.system.image.base import base_for
from tests.system.image.dockerfile import parse
from tests.system.image.engine import ROOT
from tests.system.image.locks import BUILDS_ON, OWN_LOCK, for_platform, locked, planned_install

DOCKERFILE = parse((ROOT / "functions" / "Dockerfile").read_text("utf-8"))
PYTHON = base_for(DOCKERFILE.stage("base").base).version
LOCKS = [ROOT / name for name in OWN_LOCK.values()]
NAMES = [lock.relative_to(ROOT).as_posix() for lock in LOCKS]
TENSORFLOW = {"tensorflow", "tensorflow-cpu", "keras"}


def whole() -> dict[str, frozenset[str]]:
    """The pins of the root's requirements.txt, which has no hashes."""
    return {name: package.versions for name, package in locked(ROOT / "requirements.txt").items()}


@pytest.mark.parametrize("lock", LOCKS, ids=NAMES)
def test_lock_packages_have_hashes_and_the_version_of_the_main_lock(lock: Path) -> None:
    packages = locked(lock)
    assert len(packages) > 40
    assert [name for name, package in packages.items() if not package.hashes] == []
    everything = whole()
    assert {name for name, package in packages.items() if package.versions != everything.get(name)} == set()


def test_lock_includes_the_lock_that_it_builds_on() -> None:
    """Compare stages: nothing that was installed may be installed again in another version."""
    for target, below in BUILDS_ON.items():
        assert locked(ROOT / OWN_LOCK[below]).items() <= locked(ROOT / OWN_LOCK[target]).items(), target


def test_lock_of_serving_has_no_tensorflow_and_those_named_after_it_do() -> None:
    packages = {target: set(locked(ROOT / lock)) for target, lock in OWN_LOCK.items()}
    serving, tensorflow, training = (packages[target] for target in ("serving", "serving-tensorflow", "training"))
    assert not TENSORFLOW & (serving | packages["operations"] | packages["local"])
    assert tensorflow >= TENSORFLOW
    assert {*TENSORFLOW, "scikit-learn", "matplotlib", "rich"} <= training
    assert not {"duckdb", "pytest", "ruff", "google-cloud-logging"} & (training | packages["operations"])
    assert "matplotlib" in packages["operations"]
    assert "matplotlib" not in serving


@pytest.mark.parametrize("lock", LOCKS, ids=NAMES)
def test_lock_installs_from_wheels_with_required_hashes(lock: Path, tmp_path: Path) -> None:
    """Plan for Linux x86-64 and the image's Python. The TensorFlow targets are not installed by these tests: 1.3 GB."""
    assert _planned(lock, tmp_path) == for_platform(lock, PYTHON)


@pytest.mark.parametrize("name", ["werkzeug", "certifi"])
def test_lock_check_finds_a_missing_package(name: str, tmp_path: Path) -> None:
    text = LOCKS[0].read_text("utf-8")
    without = re.sub(rf"(?ms)^{name}==.*?(?=^[a-z]|\Z)", "", text)
    assert len(without) < len(text)
    (tmp_path / "lock.txt").write_text(without, "utf-8")
    with pytest.raises(ValueError, match=rf"no trusted hash was provided for: `{name}`"):
        _planned(tmp_path / "lock.txt", tmp_path)


def _planned(lock: Path, folder: Path) -> set[str]:
    try:
        return planned_install(lock, PYTHON, folder)
    except Impossible as error:
        pytest.skip(str(error))
