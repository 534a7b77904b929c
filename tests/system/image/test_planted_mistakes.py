"""Tests that mistakes planted in a copy of the Dockerfile, its context or the image are found and named."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.system.image.container import as_deployed, run, started
from tests.system.image.engine import BuildFailed, Engine, Image, link_tree
from tests.system.image.size import snapshot
from tests.worlds import World

Plant = Callable[[str, str, str], None]
LAST_COPY = "COPY shared/adapters shared/adapters\n"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "stages"


@pytest.fixture
def altered(serving: Image, tmp_path: Path) -> Iterator[Image]:
    """A copy of the image's files, to remove something from."""
    root = tmp_path / "altered"
    link_tree(serving.root, root)
    yield replace(serving, root=root)
    shutil.rmtree(root)


def test_build_fails_for_a_copy_of_an_ignored_file(checkout: Path, scratch: Path, replace_in: Plant) -> None:
    (checkout / "README.md").touch()
    replace_in("functions/Dockerfile", LAST_COPY, f"{LAST_COPY}COPY README.md ./\n")
    with pytest.raises(BuildFailed, match=r"application: COPY README\.md: \.dockerignore leaves it out"):
        Engine(checkout, scratch).build("application")


def test_build_fails_for_a_copy_of_a_missing_file(checkout: Path, scratch: Path, replace_in: Plant) -> None:
    replace_in("functions/Dockerfile", "shared/adapters shared/adapters", "shared/adaptors shared/adapters")
    with pytest.raises(BuildFailed, match="application: COPY shared/adaptors: no such file exists"):
        Engine(checkout, scratch).build("application")


def test_build_fails_for_a_file_that_does_not_compile(checkout: Path, scratch: Path) -> None:
    (checkout / "shared" / "decode.py").write_text("def decode(:\n", "utf-8")
    with pytest.raises(BuildFailed, match=r"(?s)application: RUN python -m compileall.*decode\.py"):
        Engine(checkout, scratch).build("application")


def test_container_without_a_package_does_not_start(altered: Image, world: World, tmp_path: Path) -> None:
    [package] = altered.application.glob(".venv/lib/python3*/site-packages/flask")
    shutil.rmtree(package)
    shutil.rmtree(altered.application / ".bytecode")
    with started(altered, as_deployed(world.environment, "classify_request"), tmp_path) as container:
        assert container.process.wait(60) != 0
        assert "No module named 'flask'" in container.last_output()


def test_build_makes_private_files_readable_for_the_images_user(checkout: Path, scratch: Path) -> None:
    """Copy a checkout as umask 077 makes it."""
    for path in (checkout / "shared").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    image = Engine(checkout, scratch).build("application")
    assert {path.stat().st_mode & 0o044 for path in (image.application / "shared").rglob("*")} == {0o044}


def test_container_check_finds_a_written_file(altered: Image) -> None:
    before = snapshot(altered)
    (altered.application / "shared" / "new").touch()
    assert snapshot(altered) != before


def test_container_check_reports_what_fails_in_the_image(serving: Image, tmp_path: Path) -> None:
    code, output = run(serving, ["python", "-c", "import nothing_of_this_name"], {}, tmp_path)
    assert code == 1
    assert "nothing_of_this_name" in output
