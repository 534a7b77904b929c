"""Fixtures: indexes of a later day, and interpreters with a given version of pip."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.environments import Impossible
from tests.system.installing.later_day import LaterDay, later_day
from tests.system.installing.pythons import with_pip

Interpreter = Callable[[str, str], Path]


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaterDay]:
    """An index whose uv cannot run."""
    with later_day(tmp_path_factory.mktemp("wheels")) as made:
        yield made


@pytest.fixture(scope="session")
def day_with_uv(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaterDay]:
    """An index that holds uv."""
    with later_day(tmp_path_factory.mktemp("wheels"), uv=True) as made:
        yield made


@pytest.fixture(scope="session")
def interpreters(tmp_path_factory: pytest.TempPathFactory) -> Interpreter:
    """Return a function that makes an interpreter of a Python with a pip; to be copied, not to be installed into."""
    folder = tmp_path_factory.mktemp("pythons")

    def interpreter(python: str, pip: str) -> Path:
        made = folder / f"{python}-{pip}"
        try:
            return made / "bin" / "python" if made.exists() else with_pip(python, pip, made)
        except Impossible as error:
            pytest.skip(str(error))

    return interpreter


@pytest.fixture
def environment(interpreters: Interpreter) -> Callable[[str, str, Path], Path]:
    """Return a function that makes an environment of a Python and a pip in a new folder; it returns its interpreter."""

    def make(python: str, pip: str, folder: Path) -> Path:
        shutil.copytree(interpreters(python, pip).parents[1], folder, symlinks=True)
        return folder / "bin" / "python"

    return make
