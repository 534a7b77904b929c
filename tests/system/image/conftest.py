"""Fixtures: the images that are deployed, performed once for the session, and copies of its sources."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.environments import Impossible
from tests.system.image.context import build_context
from tests.system.image.docker_listener import listening
from tests.system.image.engine import ROOT, Engine, Image
from tests.writable import copy_file


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The engine that performs functions/Dockerfile over this repository."""
    return Engine(ROOT, tmp_path_factory.mktemp("stages"))


@pytest.fixture(scope="session")
def serving(engine: Engine) -> Image:
    """The target that is deployed."""
    try:
        return engine.build("serving")
    except Impossible as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def operations(engine: Engine) -> Image:
    """The target that the monitor runs."""
    try:
        return engine.build("operations")
    except Impossible as error:
        pytest.skip(str(error))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that the images are built from, to plant mistakes in."""
    copy = tmp_path / "checkout"
    for file in (*build_context(ROOT), ".dockerignore", ".gcloudignore", "functions/Dockerfile"):
        (copy / file).parent.mkdir(parents=True, exist_ok=True)
        copy_file(ROOT / file, copy / file)
    return copy


@pytest.fixture
def replace_in(checkout: Path) -> Callable[[str, str, str], None]:
    """Return a function that plants a mistake: it takes a file of the copy, the old text and the new."""

    def replace(file: str, old: str, new: str) -> None:
        text = (checkout / file).read_text("utf-8")
        assert old in text
        (checkout / file).write_text(text.replace(old, new), "utf-8")

    return replace


@pytest.fixture
def sent_by_docker() -> Iterator[Callable[[Path], set[str]]]:
    """Return a function that names the files which the real docker client sends of a folder."""
    docker = shutil.which("docker")
    if not docker:
        pytest.skip("the docker client is not installed; the test reads what it would send, and needs no engine")
    with listening() as listener:

        def send(folder: Path) -> set[str]:
            where = {"DOCKER_HOST": f"tcp://127.0.0.1:{listener.server_port}", "DOCKER_BUILDKIT": "0"}
            command = [docker, "build", "--quiet", "--file", "functions/Dockerfile", "."]
            environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **where}
            subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=60, check=False)
            return listener.names

        yield send
